import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { LoadedModel } from '../models/index.ts'
import { ModelRunner, oneToken, type Tokens } from '../models/testing/runner.ts'
import { NDArray } from '../runtime/array.ts'
import { Engine } from './engine.ts'
import { isRetryable } from './engine-like.ts'
import type { TokenRequest } from './request.ts'
import { Step } from './step.ts'
import { answerOf, loadTiny, someTokens, tinyEngine } from './testing/engine.ts'

let loaded: LoadedModel
beforeAll(async () => {
  loaded = await loadTiny()
})
afterAll(() => loaded.variables.dispose())

const tokens = (count: number, seed: number) => someTokens(count, loaded.model.vocabulary, seed)

describe('an engine', () => {
  it('generates what the model finds most likely, step by step', async () => {
    const prompt = tokens(21, 1)
    using runner = new ModelRunner(loaded, true)
    const expected: number[] = []
    let cache = runner.emptyCache(1, 64)
    let inputs: Tokens = {
      ids: NDArray.from([...prompt].map(BigInt), [1, prompt.length], 'i64'),
      positions: NDArray.from([...prompt.keys()].map(BigInt), [1, prompt.length], 'i64'),
    }
    for (let at = prompt.length; expected.length < 12; at++) {
      const step = await runner.over(cache, inputs)
      cache = step.cache
      const next = step.best.at(-1) as bigint
      expected.push(Number(next))
      inputs = oneToken([next], [at])
    }

    await using engine = await tinyEngine(loaded)
    const { ids, finish } = await answerOf(engine, { prompt, maxNewTokens: 12 })
    expect(ids).toEqual(expected)
    expect(finish.reason).toBe('length')
    expect(finish.usage).toMatchObject({ promptTokens: 21, cachedTokens: 0, newTokens: 12 })
  })

  it('computes beginnings in common once, among equal salts', async () => {
    await using engine = await tinyEngine(loaded)
    const prompt = tokens(40, 3)
    const first = await answerOf(engine, { prompt, maxNewTokens: 4 })
    const again = await Promise.all(
      [prompt, [...prompt.subarray(0, 30), 1, 2], prompt].map((tokens) =>
        answerOf(engine, { prompt: tokens, maxNewTokens: 4 }),
      ),
    )
    expect(again.map(({ finish }) => finish.usage.cachedTokens)).toEqual([39, 30, 39])
    expect(again[0]?.ids).toEqual(first.ids)
    expect(again[2]?.ids).toEqual(first.ids)
    const other = await answerOf(engine, { prompt, maxNewTokens: 4, salt: 'another user' })
    expect(other.finish.usage.cachedTokens).toBe(0)
    expect(other.ids).toEqual(first.ids)
    expect(engine.statistics).toMatchObject({ prefixQueries: 5, prefixHits: 3, finished: 5, running: 0, waiting: 0 })
  })

  it('keeps keys and values in less memory, little changed, shared and batched as any others', async () => {
    const prompt = tokens(40, 3)
    const request = { prompt, maxNewTokens: 16, logProbabilities: 0 }
    await using exact = await tinyEngine(loaded, { cacheType: 'f32' })
    await using half = await tinyEngine(loaded, { cacheType: 'f16' })
    await using small = await tinyEngine(loaded, { cacheType: 'int8' })
    const expected = await answerOf(exact, request)
    const ids = expected.ids
    let at = 0
    const follow = { restrict: (logits: Float32Array) => void logits.fill(-1 / 0).fill(0, ids[at], (ids[at] ?? 0) + 1) }
    const found = await answerOf(small, { ...request, guide: { ...follow, accept: () => void at++ } })
    expect(found.ids).toEqual(ids)
    const errors = found.logProbabilities.map((value = 0, index) =>
      Math.abs(value - (expected.logProbabilities[index] ?? 0)),
    )
    expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(0.02)
    expect(Math.max(...errors)).toBeGreaterThan(0)
    expect(small.statistics.cacheBytes).toBeLessThan(0.75 * half.statistics.cacheBytes)
    expect(half.statistics.cacheBytes).toBe(exact.statistics.cacheBytes / 2)
    const alone = await answerOf(small, { ...request, salt: 'nothing shared' })
    const [again, beside] = await Promise.all([
      answerOf(small, request),
      answerOf(small, { ...request, prompt: tokens(9, 5) }),
    ])
    expect(again.finish.usage.cachedTokens).toBe(39)
    expect(again.logProbabilities).toEqual(alone.logProbabilities)
    expect(beside.ids).toHaveLength(16)
  })

  it('writes the same text with drafts, in fewer steps', async () => {
    const prompt = [...tokens(6, 5), ...tokens(6, 5), ...tokens(6, 5)]
    // A model of random weights soon repeats itself.
    for (const sampling of [{}, { temperature: 0.4, seed: 3 }]) {
      const request = { prompt, sampling, maxNewTokens: 40, logProbabilities: 0 }
      await using plain = await tinyEngine(loaded)
      await using drafting = await tinyEngine(loaded)
      const expected = await answerOf(plain, request)
      const found = await answerOf(drafting, { ...request, lookup: true })
      expect(found.ids).toEqual(expected.ids)
      expect(found.logProbabilities).toEqual(expected.logProbabilities)
      expect(found.finish.usage.acceptedDrafts).toBe(drafting.statistics.acceptedDrafts)
      if (Object.keys(sampling).length === 0) {
        expect(drafting.statistics.acceptedDrafts).toBeGreaterThan(5)
        expect(drafting.statistics.decodeSteps).toBeLessThan(plain.statistics.decodeSteps)
      }
    }
  })

  it('ends at stop tokens, at the limit and at the end of the context', async () => {
    await using engine = await tinyEngine(loaded)
    const prompt = tokens(10, 8)
    const { ids, finish } = await answerOf(engine, { prompt })
    expect(finish.reason).toBe('context')
    expect(prompt.length + ids.length).toBe(64)
    const stop = ids[5] as number
    const stopped = await answerOf(engine, { prompt, stopIds: [stop] })
    expect(stopped.finish.reason).toBe('stop')
    expect(stopped.ids).toEqual(ids.slice(0, ids.indexOf(stop) + 1))
  })

  it('stops at a signal, and when nobody reads on', async () => {
    await using engine = await tinyEngine(loaded)
    const controller = new AbortController()
    const stream = engine.generate({ prompt: tokens(5, 1), signal: controller.signal })
    const reading = (async () => {
      for await (const _ of stream) controller.abort()
    })()
    await expect(reading).rejects.toMatchObject({ code: 'aborted' })
    await expect(stream.finish).rejects.toMatchObject({ code: 'aborted' })
    for await (const _ of engine.generate({ prompt: tokens(5, 1) })) break
    const { finish } = await answerOf(engine, { prompt: tokens(5, 2), maxNewTokens: 2 })
    expect(finish.reason).toBe('length')
    expect(engine.statistics.newTokens).toBeLessThan(20)
    expect(() => engine.generate({ prompt: tokens(5, 1), signal: controller.signal })).toThrow('aborted')
  })

  it('goes on beside a busy event loop, and leaves it its turns', async () => {
    await using engine = await tinyEngine(loaded)
    const request = { prompt: tokens(20, 1), maxNewTokens: 20 }
    const expected = await answerOf(engine, { ...request, salt: 'quiet' })
    const before = engine.statistics
    let turns = 0
    let isOver = false
    const work = () => {
      const end = performance.now() + 3
      while (performance.now() < end);
      turns++
      if (!isOver) setImmediate(work)
    }
    work()
    const found = await answerOf(engine, request)
    isOver = true
    expect(found.ids).toEqual(expected.ids)
    const { decodeSteps, prefillSteps } = engine.statistics
    // No step keeps the loop from turning.
    expect(turns).toBeGreaterThanOrEqual(decodeSteps + prefillSteps - before.decodeSteps - before.prefillSteps)
  })

  it('refuses what it cannot do, with the remedy', async () => {
    await using engine = await tinyEngine(loaded, { slots: 1, queue: { requests: 2, tokens: 40 } })
    const prompt = tokens(5, 1)
    const refused = (request: TokenRequest) => {
      try {
        engine.generate(request)
      } catch (error) {
        return (error as { code: string }).code
      }
      return undefined
    }
    expect(refused({ prompt: [] })).toBe('empty-prompt')
    expect(refused({ prompt: [-1] })).toBe('bad-token')
    expect(refused({ prompt: [loaded.model.vocabulary] })).toBe('bad-token')
    expect(refused({ prompt: [0.5] })).toBe('bad-token')
    expect(refused({ prompt: tokens(64, 1) })).toBe('context-too-long')
    expect(refused({ prompt, maxNewTokens: 0 })).toBe('bad-option')
    expect(refused({ prompt, logProbabilities: 21 })).toBe('bad-option')
    expect(refused({ prompt, sampling: { temperature: -1 } })).toBe('bad-option')
    const admitted = engine.generate({ prompt })
    await new Promise((resolve) => setImmediate(resolve))
    const waiting = [engine.generate({ prompt }), engine.generate({ prompt })]
    expect(refused({ prompt })).toBe('queue-full')
    await Promise.all([admitted, ...waiting].map((stream) => stream.finish))
    const half = { cacheType: 'half' as 'f16' }
    await expect(Engine.create(loaded, half)).rejects.toMatchObject({ code: 'bad-option' })
    await expect(Engine.create(loaded, { context: 1e9 })).rejects.toMatchObject({ code: 'bad-option' })
    await expect(Engine.create(await loadTiny('bert-plain'))).rejects.toMatchObject({ code: 'no-cache' })
  })

  it('begins anew after a failed run and tells those who took part that they may ask again', async () => {
    await using engine = await tinyEngine(loaded)
    const request = { prompt: tokens(9, 4), maxNewTokens: 6 }
    const before = await answerOf(engine, request)
    const run = vi.spyOn(Step.prototype, 'run').mockRejectedValueOnce(new Error('out of luck'))
    const error: unknown = await engine.generate(request).finish.catch((reason: unknown) => reason)
    run.mockRestore()
    expect(error).toMatchObject({ code: 'engine-failed' })
    expect(isRetryable(error)).toBe(true)
    const after = await answerOf(engine, request)
    expect(after.ids).toEqual(before.ids)
    expect(after.finish.usage.cachedTokens).toBe(0)
    expect(engine.statistics).toMatchObject({ restarts: 1, failed: 1 })
  })

  it('lets a guide force, forbid and end', async () => {
    await using engine = await tinyEngine(loaded)
    const prompt = tokens(5, 6)
    const seen: number[] = []
    const { ids, finish } = await answerOf(engine, {
      prompt,
      guide: {
        forced: () => (seen.length === 1 ? 7 : undefined),
        restrict: (logits) => logits.fill(Number.NEGATIVE_INFINITY, 10),
        accept: (id) => (seen.push(id) === 6 ? 'stop' : undefined),
      },
    })
    expect(ids).toHaveLength(6)
    expect(ids[1]).toBe(7)
    expect(Math.max(...ids)).toBeLessThan(10)
    expect(seen).toEqual(ids)
    expect(finish.reason).toBe('stop')
    const nothing = engine.generate({
      prompt,
      guide: { restrict: (logits) => logits.fill(Number.NEGATIVE_INFINITY), accept: () => undefined },
    })
    await expect(nothing.finish).rejects.toMatchObject({ code: 'bad-logits' })
  })

  it('fails what is under way when it is closed', async () => {
    const engine = await tinyEngine(loaded)
    const stream = engine.generate({ prompt: tokens(5, 1) })
    await engine.close()
    await expect(stream.finish).rejects.toMatchObject({ code: 'disposed' })
    expect(() => engine.generate({ prompt: tokens(5, 1) })).toThrow('closed')
  })
})
