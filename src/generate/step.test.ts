import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { LoadedModel } from '../models/index.ts'
import { kernelLibrary } from '../runtime/kernels.ts'
import { Program } from '../runtime/program.ts'
import type { EngineOptions } from './engine.ts'
import type { TokenRequest } from './request.ts'
import { answerOf, loadTiny, someTokens, tinyEngine } from './testing/engine.ts'

let loaded: LoadedModel
beforeAll(async () => {
  loaded = await loadTiny()
})
afterAll(() => loaded.variables.dispose())

/** It forbids nothing, but whoever reads all logits might. */
const reader = { restrict: () => undefined, accept: () => undefined }

/** The steps that were bound while something ran: the shape of their tokens, and whether logits leave them. */
async function boundSteps(run: () => Promise<unknown>): Promise<{ shape: string; left: boolean }[]> {
  const [keep, once] = [vi.spyOn(Program.prototype, 'keep'), vi.spyOn(Program.prototype, 'runWithout')]
  try {
    await run()
    const calls = [
      ...keep.mock.calls.map(([inputs, without = []]) => ({ inputs, without })),
      ...once.mock.calls.map(([without, inputs]) => ({ inputs, without })),
    ]
    return calls.map(({ inputs, without }) => ({ shape: `${inputs[0]?.shape.join('x')}`, left: without.length === 0 }))
  } finally {
    keep.mockRestore()
    once.mockRestore()
  }
}

/** The answer to a request, and whether logits left any step for it. */
async function answer(request: TokenRequest) {
  await using engine = await tinyEngine(loaded)
  let answered: Awaited<ReturnType<typeof answerOf>> | undefined
  const steps = await boundSteps(async () => {
    answered = await answerOf(engine, request)
  })
  return { ids: answered?.ids, logProbabilities: answered?.logProbabilities, left: steps.some(({ left }) => left) }
}

const request = (seed: number): TokenRequest => ({
  prompt: someTokens(9, loaded.model.vocabulary, seed),
  maxNewTokens: 24,
})

it('logits leave a step only where someone reads them, and log-probabilities are the same to the bit', async () => {
  const brief = await answer({ ...request(4), logProbabilities: 3 })
  const full = await answer({ ...request(4), logProbabilities: 3, guide: reader })
  expect([brief.left, full.left]).toEqual([false, true])
  expect(full.ids).toEqual(brief.ids)
  expect(full.logProbabilities).toEqual(brief.logProbabilities)
})

const hasProducts = kernelLibrary().operators.has('MatMul')

describe('a step', () => {
  type Write = (seed: number) => Promise<unknown>

  /** The shapes of steps that were bound while texts were written. */
  async function bound(options: EngineOptions, run: (write: Write) => Promise<unknown>) {
    await using engine = await tinyEngine(loaded, options)
    const write: Write = (seed) => answerOf(engine, { ...request(seed), maxNewTokens: 3 })
    return (await boundSteps(() => run(write))).map(({ shape }) => shape)
  }

  it.runIf(hasProducts)('holds no more than its tokens, and is bound once for each size', async () => {
    const oneByOne = async (write: Write) => [await write(5), await write(6)]
    expect(await bound({}, oneByOne)).toEqual(['1x9', '1x1'])
    expect(await bound({}, (write) => Promise.all([write(7), write(8)]))).toEqual(['1x9', '1x1', '2x1', '1x1'])
  })

  it('gives one token another beside it where products of one row alone take another path', async () => {
    for (const options of [{ kernels: false }, { precision: 'f16', emulate: true }] as const) {
      expect(new Set(await bound(options, (write) => write(5)))).toEqual(new Set(['1x9', '1x2']))
    }
  })
})

const drawsItself = kernelLibrary().operators.has('DrawToken')
if (!drawsItself) console.log(`Tokens are drawn of the logits: ${kernelLibrary().reason}.`)

it
  .runIf(drawsItself)
  .each([
    { temperature: 1.3 },
    { temperature: 0.8, topP: 0.95 },
    { temperature: 1, topK: 7 },
    { temperature: 1.5, minP: 0.1, topP: 0.9, topK: 40 },
  ])('a token drawn inside the step is the one that is drawn of its logits: %o', async (sampling) => {
  for (const seed of [1, 2, 3]) {
    const asked = { ...request(seed), sampling: { ...sampling, seed }, logProbabilities: 0 }
    const [inside, outside] = [await answer(asked), await answer({ ...asked, guide: reader })]
    expect([inside.left, outside.left]).toEqual([false, true])
    expect(inside.ids).toEqual(outside.ids)
    expect(inside.logProbabilities).toEqual(outside.logProbabilities)
  }
})
