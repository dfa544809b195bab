import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportCheckpoint } from '../export.ts'
import { openCheckpoint } from '../open.ts'
import { writeCheckpoint } from '../save.ts'
import { tensorOfFloat32 } from '../writable.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-families-'))
})
afterAll(() => rm(folder, { recursive: true }))

type Shapes = Record<string, number[]>

const sizes = {
  vocab_size: 40,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 128,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
}

const each = (layer: (prefix: string) => Shapes): Shapes => ({
  ...layer('model.layers.0.'),
  ...layer('model.layers.1.'),
})

const ends: Shapes = { 'model.embed_tokens.weight': [40, 32], 'model.norm.weight': [32], 'lm_head.weight': [40, 32] }

const attention = (prefix: string, head = 8): Shapes => ({
  [`${prefix}self_attn.q_proj.weight`]: [4 * head, 32],
  [`${prefix}self_attn.k_proj.weight`]: [2 * head, 32],
  [`${prefix}self_attn.v_proj.weight`]: [2 * head, 32],
  [`${prefix}self_attn.o_proj.weight`]: [32, 4 * head],
  [`${prefix}input_layernorm.weight`]: [32],
  [`${prefix}post_attention_layernorm.weight`]: [32],
})

const feedForward = (prefix: string, name = 'mlp', width = 64): Shapes => ({
  [`${prefix}${name}.gate_proj.weight`]: [width, 32],
  [`${prefix}${name}.up_proj.weight`]: [width, 32],
  [`${prefix}${name}.down_proj.weight`]: [32, width],
})

const headNorms = (prefix: string, head: number): Shapes => ({
  [`${prefix}self_attn.q_norm.weight`]: [head],
  [`${prefix}self_attn.k_norm.weight`]: [head],
})

const biases = (prefix: string): Shapes => ({
  [`${prefix}self_attn.q_proj.bias`]: [32],
  [`${prefix}self_attn.k_proj.bias`]: [16],
  [`${prefix}self_attn.v_proj.bias`]: [16],
})

const experts = (prefix: string): Shapes => ({
  [`${prefix}mlp.gate.weight`]: [3, 32],
  ...Object.assign({}, ...[0, 1, 2].map((e) => feedForward(prefix, `mlp.experts.${e}`, 16))),
})

const llama: Shapes = { ...ends, ...each((p) => ({ ...attention(p), ...feedForward(p) })) }

const latent: Shapes = {
  ...ends,
  ...each((p) => ({
    [`${p}self_attn.q_a_proj.weight`]: [24, 32],
    [`${p}self_attn.q_a_layernorm.weight`]: [24],
    [`${p}self_attn.q_b_proj.weight`]: [4 * 12, 24],
    [`${p}self_attn.kv_a_proj_with_mqa.weight`]: [20, 32],
    [`${p}self_attn.kv_a_layernorm.weight`]: [16],
    [`${p}self_attn.kv_b_proj.weight`]: [4 * (8 + 6), 16],
    [`${p}self_attn.o_proj.weight`]: [32, 4 * 6],
    [`${p}input_layernorm.weight`]: [32],
    [`${p}post_attention_layernorm.weight`]: [32],
  })),
  ...feedForward('model.layers.0.'),
  ...experts('model.layers.1.'),
  ...feedForward('model.layers.1.', 'mlp.shared_experts', 16),
  'model.layers.1.mlp.gate.e_score_correction_bias': [3],
}

const latentConfig = {
  ...sizes,
  num_key_value_heads: 4,
  q_lora_rank: 24,
  kv_lora_rank: 16,
  qk_rope_head_dim: 4,
  qk_nope_head_dim: 8,
  v_head_dim: 6,
  n_routed_experts: 3,
  num_experts_per_tok: 2,
  n_shared_experts: 1,
  moe_intermediate_size: 16,
  first_k_dense_replace: 1,
  n_group: 1,
  topk_group: 1,
  routed_scaling_factor: 2.5,
  norm_topk_prob: true,
  scoring_func: 'sigmoid',
  topk_method: 'noaux_tc',
  rope_scaling: {
    rope_type: 'yarn',
    factor: 40,
    original_max_position_embeddings: 64,
    beta_fast: 32,
    beta_slow: 1,
    mscale: 1,
    mscale_all_dim: 1,
  },
}

const gpt2: Shapes = {
  'transformer.wte.weight': [40, 32],
  'transformer.wpe.weight': [128, 32],
  'transformer.ln_f.weight': [32],
  'transformer.ln_f.bias': [32],
  ...Object.assign(
    {},
    ...['transformer.h.0.', 'transformer.h.1.'].map((p) => ({
      [`${p}ln_1.weight`]: [32],
      [`${p}ln_1.bias`]: [32],
      [`${p}attn.c_attn.weight`]: [32, 96],
      [`${p}attn.c_attn.bias`]: [96],
      [`${p}mlp.c_fc.weight`]: [32, 128],
      [`${p}mlp.c_proj.weight`]: [128, 32],
    })),
  ),
}

const bertConfig = {
  vocab_size: 40,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  max_position_embeddings: 128,
  layer_norm_eps: 1e-12,
  type_vocab_size: 2,
}

const bert: Shapes = {
  'embeddings.word_embeddings.weight': [40, 32],
  'embeddings.position_embeddings.weight': [128, 32],
  'embeddings.token_type_embeddings.weight': [2, 32],
  'embeddings.LayerNorm.weight': [32],
  'encoder.layer.0.attention.self.query.weight': [32, 32],
  'encoder.layer.0.attention.self.query.bias': [32],
  'encoder.layer.0.attention.output.LayerNorm.bias': [32],
  'encoder.layer.0.intermediate.dense.weight': [64, 32],
  'encoder.layer.0.output.dense.weight': [32, 64],
}

const gemma: Shapes = {
  'model.embed_tokens.weight': [40, 32],
  'model.norm.weight': [32],
  ...each((p) => ({
    ...attention(p),
    ...feedForward(p),
    [`${p}pre_feedforward_layernorm.weight`]: [32],
    [`${p}post_feedforward_layernorm.weight`]: [32],
  })),
}

const llama3 = {
  rope_type: 'llama3',
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
}

const families: [string, Record<string, unknown>, Shapes][] = [
  ['llama', { ...sizes, rope_scaling: llama3, rope_theta: 500000 }, llama],
  ['mistral', { ...sizes, sliding_window: 64 }, llama],
  ['qwen2', sizes, { ...llama, ...each(biases) }],
  [
    'qwen3',
    { ...sizes, head_dim: 16 },
    { ...ends, ...each((p) => ({ ...attention(p, 16), ...headNorms(p, 16), ...feedForward(p) })) },
  ],
  [
    'qwen3_moe',
    { ...sizes, head_dim: 8, num_experts: 3, num_experts_per_tok: 2, moe_intermediate_size: 16 },
    { ...ends, ...each((p) => ({ ...attention(p), ...headNorms(p, 8), ...experts(p) })) },
  ],
  [
    'gemma2',
    {
      ...sizes,
      head_dim: 8,
      query_pre_attn_scalar: 8,
      sliding_window: 32,
      attn_logit_softcapping: 50,
      final_logit_softcapping: 30,
      tie_word_embeddings: true,
    },
    gemma,
  ],
  ['deepseek_v3', latentConfig, latent],
  [
    'gpt2',
    {
      vocab_size: 40,
      n_embd: 32,
      n_layer: 2,
      n_head: 4,
      n_positions: 128,
      layer_norm_epsilon: 1e-5,
      tie_word_embeddings: true,
    },
    gpt2,
  ],
  ['bert', { ...bertConfig, tie_word_embeddings: true }, bert],
]

/** Keys that a GGUF has no place for, or that mean the same under another name. */
const lost: Record<string, string[]> = { mistral: ['model_type', 'sliding_window', 'max_position_embeddings'] }

describe.each(families)('a model of the family %s', (modelType, config, shapes) => {
  it('comes back from GGUF with the same names, shapes, numbers and configuration', async () => {
    const path = join(folder, modelType)
    // Multiples of 1/64 near zero stay exact where one is added and taken away.
    const tensors = Object.entries(shapes).map(([name, shape], seed) => {
      const length = shape.reduce((product, side) => product * side, 1)
      const values = Float32Array.from({ length }, (_, index) => (((index * 37 + seed * 11) % 129) - 64) / 64)
      return tensorOfFloat32(name, 'F32', shape, values)
    })
    const whole = { tie_word_embeddings: false, ...config, model_type: modelType }
    await writeCheckpoint(path, tensors, { config: whole })
    const gguf = join(folder, `${modelType}.gguf`)
    await exportCheckpoint(path, { format: 'gguf', type: 'f32', out: gguf })
    await using before = await openCheckpoint(path)
    await using after = await openCheckpoint(gguf)
    expect([...after.tensors.keys()].sort()).toEqual([...before.tensors.keys()].sort())
    for (const { name, shape } of before.tensors.values()) {
      expect(after.tensors.get(name)?.shape, name).toEqual(shape)
      expect(await after.readFloat32(name), name).toEqual(await before.readFloat32(name))
      expect(await after.read(name), name).toEqual(await before.read(name))
    }
    const kept = Object.entries(whole).filter(([key]) => !lost[modelType]?.includes(key))
    expect(after.config).toMatchObject(Object.fromEntries(kept))
  })

  it('comes back from a quantised GGUF within the error of its type', async () => {
    const gguf = join(folder, `${modelType}-q8.gguf`)
    await exportCheckpoint(join(folder, modelType), { format: 'gguf', type: 'q8_0', out: gguf })
    await using before = await openCheckpoint(join(folder, modelType))
    await using after = await openCheckpoint(gguf)
    for (const name of before.tensors.keys()) {
      const [expected, values] = [await before.readFloat32(name), await after.readFloat32(name)]
      const worst = values.reduce((most, value, index) => Math.max(most, Math.abs(value - (expected[index] ?? 0))), 0)
      expect(worst, name).toBeLessThan(1 / 127)
    }
  })
})
