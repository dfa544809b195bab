import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { LoadedModel } from '../models/index.ts'
import { kernelLibrary } from '../runtime/kernels.ts'
import { Program } from '../runtime/program.ts'
import type { TokenRequest } from './request.ts'
import { answerOf, loadTiny, someTokens, tinyEngine } from './testing/engine.ts'

let loaded: LoadedModel
beforeAll(async () => {
  loaded = await loadTiny()
})
afterAll(() => loaded.variables.dispose())

/** It forbids nothing, but whoever reads all logits might. */
const reader = { restrict: () => undefined, accept: () => undefined }

/** The answer to a request, and whether logits left any step for it. */
async function answer(request: TokenRequest) {
  const keep = vi.spyOn(Program.prototype, 'keep')
  try {
    await using engine = await tinyEngine(loaded)
    const { ids, logProbabilities } = await answerOf(engine, request)
    return { ids, logProbabilities, left: keep.mock.calls.some(([, without]) => without?.length === 0) }
  } finally {
    keep.mockRestore()
  }
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

const attendsInOne = kernelLibrary().operators.has('CachedAttention')

it.runIf(attendsInOne)(
  'one token has another beside it, since its products would take another path alone',
  async () => {
    const keep = vi.spyOn(Program.prototype, 'keep')
    try {
      await using engine = await tinyEngine(loaded)
      const brief = (seed: number) => answerOf(engine, { ...request(seed), maxNewTokens: 3 })
      const shapes = () => keep.mock.calls.splice(0).map(([[ids]]) => ids?.shape.join('x'))
      await brief(5)
      expect(shapes()).toEqual(['1x9', '1x2'])
      // Memory of these sizes is there still.
      await brief(6)
      expect(shapes()).toEqual([])
      await Promise.all([brief(7), brief(8)])
      expect(shapes()).toEqual(['2x1', '1x2'])
    } finally {
      keep.mockRestore()
    }
  },
)

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
