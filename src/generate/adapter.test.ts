import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../checkpoint/open.ts'
import type { Adapter } from '../checkpoint/peft/adapter.ts'
import { adapterConfigSchema } from '../checkpoint/peft/config.ts'
import { addAdapter, loadModel, loadQuantised, r1Model } from '../models/index.ts'
import { canPack } from '../runtime/pack.ts'
import type { EngineModel } from './engine-model.ts'
import { answerOf, someTokens, tinyEngine } from './testing/engine.ts'
import { saveRandom } from './testing/random-checkpoint.ts'

const rank = 4

/** An adapter of random factors for queries and for the layers behind the gated units. */
function randomAdapter(model: EngineModel['model']): Adapter {
  const found = model.parameters().filter(({ name }) => /\.(q|down)_proj\.weight$/.test(name))
  const factors = found.map(({ name, tensor }) => {
    const [outputs, inputs] = tensor.shape as readonly [number, number]
    const values = (length: number) => Float32Array.from({ length }, (_, at) => Math.sin(at * 2.3 + outputs) / 8)
    const module = name.replace(/\.weight$/, '')
    return { module, rank, inputs, outputs, scale: 2, a: values(rank * inputs), b: values(outputs * rank) }
  })
  const config = adapterConfigSchema.parse({ peft_type: 'LORA', r: rank, lora_alpha: 2 * rank })
  return { config, factors: new Map(factors.map((factor) => [factor.module, factor])) }
}

async function scoresOf(loaded: EngineModel): Promise<readonly number[]> {
  await using engine = await tinyEngine(loaded)
  const prompts = [5, 9, 14].map((count) => someTokens(count, loaded.model.vocabulary, count))
  const answers = await Promise.all(
    prompts.map((prompt) => answerOf(engine, { prompt, maxNewTokens: 1, logProbabilities: 0 })),
  )
  return answers.map(({ logProbabilities }) => logProbabilities[0] as number)
}

describe('an adapter', () => {
  it.each([true, false])(
    'beside quantised weights does what it does beside f32 (native kernels: %s)',
    async (kernels) => {
      const folder = await mkdtemp(join(tmpdir(), 'r1-adapter-'))
      try {
        await saveRandom(folder, r1Model({ depth: 2, vocabulary: 300 }))
        await using checkpoint = await openCheckpoint(folder)
        const plain = await loadModel(checkpoint)
        const packed = await loadQuantised(checkpoint, { precision: 'int8', kernels: kernels && canPack() })
        expect(packed.stored.size).toBeGreaterThan(10)
        const alone = await scoresOf(packed)
        const adapter = randomAdapter(plain.model)
        const expected = await scoresOf({ ...plain, adapter: addAdapter(plain, adapter) })
        const found = await scoresOf({ ...packed, adapter: addAdapter(packed, adapter) })
        const gap = (left: readonly number[], right: readonly number[]) =>
          Math.max(...left.map((value, at) => Math.abs(value - (right[at] as number))))
        // What is left is the rounding of the left sides to int8.
        expect(gap(found, expected)).toBeLessThan(0.15)
        expect(gap(alone, expected)).toBeGreaterThan(0.4)
        for (const { variables } of [plain, packed]) variables.dispose()
      } finally {
        await rm(folder, { recursive: true })
      }
    },
  )
})
