import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { constraintOf } from '../constrain/constraint.ts'
import { Grammars } from '../constrain/grammars.ts'
import { Embedder } from '../embed.ts'
import { Engine } from '../engine.ts'
import { type EngineLike, isRetryable } from '../engine-like.ts'
import type { TokenRequest } from '../request.ts'
import { answerOf, someTokens } from '../testing/engine.ts'
import { writeTinyCheckpoint } from '../testing/text-model.ts'
import { promptTokens, startText, textOf } from '../text/generate-text.ts'
import type { GenerateOptions } from '../text/options.ts'
import { loadTextFormat, loadTextModel, type TextModel } from '../text/text-model.ts'
import { EngineWorker } from './engine-worker.ts'

const options = { slots: 4, context: 96, chunk: 16, threads: 1 }
let folder: string
let model: TextModel
let here: Engine
let worker: EngineWorker
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-worker-'))
  await writeTinyCheckpoint(folder)
  model = await loadTextModel(folder)
  here = await Engine.create(model, options)
  worker = await EngineWorker.start(folder, options)
})
afterAll(async () => {
  await worker.close()
  await here.close()
  model.variables.dispose()
  await rm(folder, { recursive: true })
})

const tokens = (count: number, seed: number) => someTokens(count, model.model.vocabulary, seed)
const codeOf = (error: unknown) => (error as { code?: string }).code

describe('an engine in a process of its own', () => {
  it('writes what an engine here writes, bit for bit', async () => {
    const requests = Array.from(
      { length: 9 },
      (_, index): TokenRequest => ({
        prompt: tokens(3 + 4 * index, index),
        maxNewTokens: 12,
        logProbabilities: 2,
        stopIds: new Set([96]),
        lookup: index % 2 === 0,
        sampling: index % 3 === 0 ? {} : { temperature: 1, seed: index, topP: 0.9, logitBias: { 5: 2 } },
      }),
    )
    const answers = (engine: EngineLike) => Promise.all(requests.map((request) => engine.generate(request).all()))
    const [expected, found] = [await answers(here), await answers(worker)]
    expect(found.map(({ tokens }) => tokens)).toEqual(expected.map(({ tokens }) => tokens))
    for (const [index, { finish }] of found.entries()) {
      const { reason, usage } = (expected[index] as (typeof found)[number]).finish
      expect(finish.reason).toBe(reason)
      expect(finish.usage).toMatchObject({ promptTokens: usage.promptTokens, newTokens: usage.newTokens })
      expect(finish.usage.totalMs).toBeGreaterThan(finish.usage.firstTokenMs)
    }
    const { slots, finished, newTokens } = worker.statistics
    expect({ slots, finished }).toEqual({ slots: 4, finished: 9 })
    expect(newTokens).toBe(here.statistics.newTokens)
    expect(worker.facts).toMatchObject({ vocabulary: model.model.vocabulary, context: 96, generates: true })
  })

  it('follows guides that stay here: stop strings, thinking budgets, grammars', async () => {
    const grammars = new Grammars(model.tokenizer, model.model.vocabulary, model.stopIds)
    const guidesFor = async (asked: GenerateOptions) => {
      const source = constraintOf(asked)
      return source ? [await grammars.guideFor(source)] : []
    }
    const format = await loadTextFormat(folder)
    const write = async (engine: EngineLike, asked: GenerateOptions) => {
      const prompt = await promptTokens(format, 'hello', asked)
      return textOf(startText(engine, format, prompt, asked, 0, await guidesFor(asked)))
    }
    const drawn = { temperature: 1, seed: 4, maxNewTokens: 30, logitBias: { 96: -100 } }
    const plain = await write(here, drawn)
    const asked: GenerateOptions[] = [
      drawn,
      { ...drawn, stop: plain.text.slice(6, 9) },
      { ...drawn, lookup: true, thinkingBudget: 5, templateVariables: { thinking: true } },
      { ...drawn, lookup: true, regex: '[12][0-9]{3}-[01][0-9]' },
    ]
    for (const one of asked) {
      const [expected, found] = [await write(here, one), await write(worker, one)]
      const facts = ({ text, reasoning, finishReason, usage: { newTokens } }: typeof found) => ({
        text,
        reasoning,
        finishReason,
        newTokens,
      })
      expect(facts(found)).toEqual(facts(expected))
    }
    // What a guide throws is the error of its text alone.
    const failing = worker.generate({
      prompt: [1],
      guide: {
        accept: () => {
          throw new Error('no more')
        },
      },
    })
    await expect(failing.finish).rejects.toThrow('no more')
    expect((await answerOf(worker, { prompt: [1], maxNewTokens: 2 })).ids).toHaveLength(2)
  })

  it('embeds', async () => {
    const texts = [tokens(5, 1), tokens(9, 2)]
    const embedder = new Embedder(model)
    expect(await worker.embed(texts)).toEqual(await embedder.embed(texts))
    await expect(worker.embed([[]])).rejects.toMatchObject({ code: 'empty-prompt' })
    await expect(worker.embed(texts, AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' })
    await embedder.dispose()
  })

  it('refuses at once what an engine refuses, stops at a signal and when nobody reads on', async () => {
    const refusal = (request: TokenRequest) => {
      try {
        worker.generate(request)
      } catch (error) {
        return codeOf(error)
      }
      return undefined
    }
    expect(refusal({ prompt: [] })).toBe('empty-prompt')
    expect(refusal({ prompt: [model.model.vocabulary] })).toBe('bad-token')
    expect(refusal({ prompt: tokens(96, 1) })).toBe('context-too-long')
    expect(refusal({ prompt: [1], signal: AbortSignal.abort() })).toBe('aborted')
    const controller = new AbortController()
    const stream = worker.generate({ prompt: tokens(5, 1), signal: controller.signal })
    const reading = (async () => {
      for await (const _ of stream) controller.abort()
    })()
    await expect(reading).rejects.toMatchObject({ code: 'aborted' })
    for await (const _ of worker.generate({ prompt: tokens(5, 1) })) break
    expect((await answerOf(worker, { prompt: tokens(5, 2), maxNewTokens: 2 })).finish.reason).toBe('length')
    expect(worker.statistics.running).toBe(0)
    await using small = await EngineWorker.start(folder, { ...options, slots: 1, queue: { requests: 1 } })
    const accepted = [1, 2].map((seed) => small.generate({ prompt: tokens(5, seed) }))
    expect(() => small.generate({ prompt: [1] })).toThrow('waiting')
    await Promise.all(accepted.map(({ finish }) => finish))
  })

  it('fails what is under way when it is killed, tells that it may be asked again, and goes on', async () => {
    const request = { prompt: tokens(20, 7), maxNewTokens: 60, sampling: { temperature: 1, seed: 3 } }
    const before = await answerOf(worker, request)
    const { finished, restarts } = worker.statistics
    for (const death of [1, 2]) {
      const pid = worker.pid as number
      // More than there are slots: some run, some wait, one vector is being made.
      const streams = Array.from({ length: 12 }, (_, seed) => worker.generate({ ...request, prompt: tokens(20, seed) }))
      const vectors = worker.embed([tokens(9, 1)]).catch(codeOf)
      const reading = streams[0]?.[Symbol.asyncIterator]()
      await reading?.next()
      process.kill(pid, 'SIGKILL')
      const ends = await Promise.all(streams.map(({ finish }) => finish.then(({ reason }) => reason, codeOf)))
      expect(ends.filter((end) => end === 'engine-died').length).toBeGreaterThan(0)
      for (const end of ends) expect(['engine-died', 'length']).toContain(end)
      const made = await vectors
      if (!Array.isArray(made)) expect(made).toBe('engine-died')
      const error: unknown = await streams.at(-1)?.finish.catch((reason: unknown) => reason)
      expect(isRetryable(error)).toBe(true)
      // Asked while there is no process: it waits for the next one.
      const after = await answerOf(worker, request)
      expect(after.ids).toEqual(before.ids)
      expect(worker.pid).not.toBe(pid)
      expect(worker.statistics.restarts).toBe(restarts + death)
    }
    expect(worker.statistics.finished).toBeGreaterThanOrEqual(finished + 2)
  })

  it('says why it cannot be started, or not again, and ends when it is closed', async () => {
    await expect(EngineWorker.start(join(folder, 'nothing'))).rejects.toMatchObject({ code: 'file-not-found' })
    await expect(EngineWorker.start(folder, { context: 1e9 })).rejects.toMatchObject({ code: 'bad-option' })
    await expect(EngineWorker.start(folder, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
    const other = await mkdtemp(join(tmpdir(), 'r1-worker-'))
    await writeTinyCheckpoint(other)
    const doomed = await EngineWorker.start(other, options)
    await rm(other, { recursive: true })
    process.kill(doomed.pid as number, 'SIGKILL')
    await expect(doomed.generate({ prompt: [1] }).finish).rejects.toMatchObject({ code: 'engine-died' })
    await expect(doomed.generate({ prompt: [1] }).finish).rejects.toMatchObject({ code: 'engine-died' })
    const waiting = doomed.generate({ prompt: [1] })
    await doomed.close()
    await expect(waiting.finish).rejects.toMatchObject({ code: 'disposed' })
    expect(() => doomed.generate({ prompt: [1] })).toThrow('closed')
  })
})
