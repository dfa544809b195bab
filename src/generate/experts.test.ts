import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openCheckpoint } from '../checkpoint/open.ts'
import { loadModel, loadQuantised, modelOf } from '../models/index.ts'
import { canPack } from '../runtime/pack.ts'
import { answerOf, someTokens, tinyEngine } from './testing/engine.ts'
import { saveRandom } from './testing/random-checkpoint.ts'

const sizes = {
  vocab_size: 160,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  max_position_embeddings: 128,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  hidden_act: 'silu',
  tie_word_embeddings: false,
  moe_intermediate_size: 32,
  num_experts_per_tok: 3,
  norm_topk_prob: true,
}

/** Models with eight experts, whose matrices are made of whole blocks of 32. */
const configs = {
  qwen3_moe: { ...sizes, model_type: 'qwen3_moe', num_key_value_heads: 2, head_dim: 16, num_experts: 8 },
  deepseek_v3: {
    ...sizes,
    model_type: 'deepseek_v3',
    kv_lora_rank: 32,
    q_lora_rank: 32,
    qk_rope_head_dim: 8,
    qk_nope_head_dim: 16,
    v_head_dim: 16,
    n_routed_experts: 8,
    n_shared_experts: 1,
    first_k_dense_replace: 1,
    n_group: 4,
    topk_group: 2,
  },
}

describe.runIf(canPack())('quantised experts', () => {
  it.each([
    ['qwen3_moe', 2],
    ['deepseek_v3', 1],
  ] as const)('of %s give in stacks what they give in f32, to one request and to many', async (name, layers) => {
    const folder = await mkdtemp(join(tmpdir(), 'r1-experts-'))
    try {
      await saveRandom(folder, modelOf(configs[name]))
      await using checkpoint = await openCheckpoint(folder)
      const [plain, packed] = [await loadModel(checkpoint), await loadQuantised(checkpoint, { precision: 'int8' })]
      const stacks = packed.variables.names.filter((variable) => variable.includes('experts.*.'))
      expect(stacks).toHaveLength(3 * layers)
      expect(packed.variables.names.some((variable) => /experts\.\d/.test(variable))).toBe(false)
      // What chooses the experts stays as it is.
      expect([...packed.stored.keys()].some((variable) => variable.endsWith('mlp.gate.weight'))).toBe(false)

      const requests = Array.from({ length: 6 }, (_, seed) => ({
        prompt: someTokens(5 + 4 * seed, sizes.vocab_size, seed),
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
