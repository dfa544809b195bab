import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../checkpoint/open.ts'
import { NDArray } from '../runtime/array.ts'
import { Variables } from '../runtime/variables.ts'
import { loadModel } from './load.ts'
import { type R1Preset, r1Config, r1Model } from './r1.ts'
import { saveModel } from './save.ts'
import { ModelRunner } from './testing/runner.ts'

const ids = [3, 1, 4, 1, 5, 9, 2, 6]
const row = (values: readonly number[]) => NDArray.from(values.map(BigInt), [1, values.length], 'i64')
const tokens = { ids: row(ids), positions: row([...ids.keys()]) }

/** Parameters by the sizes alone: embedding, and for each layer attention, feed-forward layer and norms. */
function parameterCount({ depth, vocabulary, architecture = 'llama' }: R1Preset): number {
  const width = 64 * depth
  const config = r1Config({ depth, vocabulary, architecture })
  const keys = 64 * Number(config.num_key_value_heads)
  const attention = 2 * width * width + 2 * width * keys + (architecture === 'qwen3' ? 2 * 64 : 0)
  const layer = attention + 3 * width * Number(config.intermediate_size) + 2 * width
  return vocabulary * width + depth * layer + width
}

describe('the family r1', () => {
  it('derives every size from the depth', () => {
    const config = r1Config({ depth: 9, vocabulary: 49152 })
    expect(config).toMatchObject({
      model_type: 'llama',
      num_hidden_layers: 9,
      hidden_size: 576,
      intermediate_size: 1536,
      num_attention_heads: 9,
      num_key_value_heads: 3,
      head_dim: 64,
    })
    // A width of its own, as small students have it.
    expect(r1Config({ depth: 3, vocabulary: 300, width: 96 })).toMatchObject({ num_attention_heads: 3, head_dim: 32 })
  })

  it('grows in parameters with the depth, as the sizes say', () => {
    let before = 0
    for (const depth of [1, 2, 3, 4, 6, 12, 20]) {
      for (const architecture of ['llama', 'qwen3'] as const) {
        const preset = { depth, vocabulary: 4096, architecture }
        const found = r1Model(preset)
          .parameters()
          .reduce((sum, { tensor }) => sum + tensor.shape.reduce<number>((a, b) => a * Number(b), 1), 0)
        expect(found).toBe(parameterCount(preset))
        expect(found).toBeGreaterThan(before)
        before = found
      }
    }
  })

  it.each(['llama', 'qwen3'] as const)(
    'comes back from the folder it is saved to, as a plain %s',
    async (architecture) => {
      const folder = await mkdtemp(join(tmpdir(), 'r1-family-'))
      try {
        const made = { model: r1Model({ depth: 2, vocabulary: 300, architecture }), variables: new Variables(5) }
        using before = new ModelRunner(made, true)
        const logits = await before.logits(tokens)
        await saveModel(folder, made, { lineage: { version: 1, parent: null, stage: 'pretrain', seed: 5 } })
        await using checkpoint = await openCheckpoint(folder)
        expect(checkpoint.config).toMatchObject({ model_type: architecture, torch_dtype: 'float32' })
        const loaded = await loadModel(checkpoint)
        using after = new ModelRunner(loaded, true)
        expect(await after.logits(tokens)).toEqual(logits)
        expect(Math.max(...logits)).toBeGreaterThan(0.1)
      } finally {
        await rm(folder, { recursive: true })
      }
    },
  )

  it('has a place for mechanisms to come and refuses them until then', () => {
    expect(
      r1Config({ depth: 2, vocabulary: 9, gatedAttention: 'none', routing: 'none', headSkipping: 'none' }),
    ).toEqual(r1Config({ depth: 2, vocabulary: 9 }))
    const wrong = (preset: object) => expect(() => r1Config(preset as R1Preset))
    for (const preset of [
      { depth: 2, vocabulary: 9, gatedAttention: 'head' },
      { depth: 2, vocabulary: 9, width: 100 },
      { depth: 2, vocabulary: 9, layers: 3 },
      { depth: 0, vocabulary: 9 },
      { vocabulary: 9 },
    ]) {
      wrong(preset).toThrowError(expect.objectContaining({ code: 'bad-option' }))
    }
  })
})
