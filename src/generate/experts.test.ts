import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../checkpoint/open.ts'
import { loadModel, loadQuantised, modelOf } from '../models/index.ts'
import { canPack } from '../runtime/pack.ts'
import { answerOf, someTokens, tinyEngine } from './testing/engine.ts'
import { mixtures } from './testing/mixtures.ts'
import { saveRandom } from './testing/random-checkpoint.ts'

describe.runIf(canPack())('quantised experts', () => {
  it.each([
    ['qwen3_moe', 2],
    ['deepseek_v3', 1],
  ] as const)('of %s give in stacks what they give in f32, to one request and to many', async (name, layers) => {
    const folder = await mkdtemp(join(tmpdir(), 'r1-experts-'))
    try {
      await saveRandom(folder, modelOf(mixtures[name]))
      await using checkpoint = await openCheckpoint(folder)
      const [plain, packed] = [await loadModel(checkpoint), await loadQuantised(checkpoint, { precision: 'int8' })]
      const stacks = packed.variables.names.filter((variable) => variable.includes('experts.*.'))
      expect(stacks).toHaveLength(3 * layers)
      expect(packed.variables.names.some((variable) => /experts\.\d/.test(variable))).toBe(false)
      // What chooses the experts stays as it is.
      expect([...packed.stored.keys()].some((variable) => variable.endsWith('mlp.gate.weight'))).toBe(false)

      const requests = Array.from({ length: 6 }, (_, seed) => ({
        prompt: someTokens(5 + 4 * seed, plain.model.vocabulary, seed),
        maxNewTokens: 8,
        logProbabilities: 0,
      }))
      await using reference = await tinyEngine(plain)
      await using engine = await tinyEngine(packed)
      const together = await Promise.all(requests.map((request) => answerOf(engine, request)))
      for (const [index, request] of requests.entries()) {
        const alone = await answerOf(engine, request)
        expect(together[index]?.logProbabilities).toEqual(alone.logProbabilities)
        const expected = await answerOf(reference, request)
        const gap = Math.abs((alone.logProbabilities[0] as number) - (expected.logProbabilities[0] as number))
        expect(gap).toBeLessThan(0.1)
      }
      for (const { variables } of [plain, packed]) variables.dispose()
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
