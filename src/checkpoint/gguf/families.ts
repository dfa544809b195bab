/**
 * The model families that GGUF files are read and written for: which tensor is called what in both worlds, and which
 * metadata key is which key of config.json. GGUF's names are those of llama.cpp, the others Hugging Face's.
 */

/** How the numbers of a tensor differ between the two worlds. */
export type Layout =
  /** Equal. */
  | 'same'
  /** Rows of each query head interleaved for llama.cpp's rotary embedding of neighbouring pairs. */
  | 'rotary-q'
  /** The same for key heads. */
  | 'rotary-k'
  /** One 3-D tensor in GGUF, one 2-D tensor an expert in Hugging Face's names, `{e}` being the expert. */
  | 'experts'
  /** GGUF holds the weight plus one. */
  | 'plus-one'
  /** GGUF holds the matrix transposed. */
  | 'transposed'

/** A tensor's name in both worlds; `{n}` is the layer. Both take `.weight` or `.bias` at the end unless `whole`. */
export interface NameRule {
  readonly gguf: string
  readonly hf: string
  readonly layout: Layout
  readonly whole: boolean
}

/** A number of config.json and its GGUF key, without the architecture before it. */
export interface FieldRule {
  readonly hf: string
  readonly gguf: string
  readonly type: 'U32' | 'F32' | 'BOOL'
  /** What GGUF readers assume where the key is absent; a field without it is required. */
  readonly fallback?: number | boolean
}

/** A family of models. */
export interface GgufFamily {
  /** `general.architecture`. */
  readonly architecture: string
  /** `model_type` of config.json. */
  readonly modelType: string
  /** `architectures` of config.json. */
  readonly className: string
  readonly names: readonly NameRule[]
  readonly fields: readonly FieldRule[]
  /** Keys of config.json that are the same for the whole family. */
  readonly constants: Readonly<Record<string, unknown>>
}

const name = (gguf: string, hf: string, layout: Layout = 'same'): NameRule => ({ gguf, hf, layout, whole: false })
const wholeName = (gguf: string, hf: string): NameRule => ({ gguf, hf, layout: 'same', whole: true })
const whole = (hf: string, gguf: string, fallback?: number): FieldRule => ({ hf, gguf, type: 'U32', fallback })
const real = (hf: string, gguf: string, fallback?: number): FieldRule => ({ hf, gguf, type: 'F32', fallback })
const truth = (hf: string, gguf: string, fallback?: boolean): FieldRule => ({ hf, gguf, type: 'BOOL', fallback })

const layer = 'model.layers.{n}'

const ends: NameRule[] = [
  name('token_embd', 'model.embed_tokens'),
  name('output_norm', 'model.norm'),
  name('output', 'lm_head'),
]

const attention: NameRule[] = [
  name('blk.{n}.attn_norm', `${layer}.input_layernorm`),
  name('blk.{n}.attn_q', `${layer}.self_attn.q_proj`),
  name('blk.{n}.attn_k', `${layer}.self_attn.k_proj`),
  name('blk.{n}.attn_v', `${layer}.self_attn.v_proj`),
  name('blk.{n}.attn_output', `${layer}.self_attn.o_proj`),
]

/** Llama's checkpoints pair dimension i of a head with i + d/2; llama.cpp's kernel for it pairs 2i with 2i + 1. */
const rotaryAttention = attention.map((rule) => {
  if (rule.gguf.endsWith('attn_q')) return { ...rule, layout: 'rotary-q' as const }
  return rule.gguf.endsWith('attn_k') ? { ...rule, layout: 'rotary-k' as const } : rule
})

const headNorms: NameRule[] = [
  name('blk.{n}.attn_q_norm', `${layer}.self_attn.q_norm`),
  name('blk.{n}.attn_k_norm', `${layer}.self_attn.k_norm`),
]

const feedForwardNorm: NameRule[] = [name('blk.{n}.ffn_norm', `${layer}.post_attention_layernorm`)]

const feedForward: NameRule[] = [
  name('blk.{n}.ffn_gate', `${layer}.mlp.gate_proj`),
  name('blk.{n}.ffn_up', `${layer}.mlp.up_proj`),
  name('blk.{n}.ffn_down', `${layer}.mlp.down_proj`),
]

const experts: NameRule[] = [
  name('blk.{n}.ffn_gate_inp', `${layer}.mlp.gate`),
  name('blk.{n}.ffn_gate_exps', `${layer}.mlp.experts.{e}.gate_proj`, 'experts'),
  name('blk.{n}.ffn_up_exps', `${layer}.mlp.experts.{e}.up_proj`, 'experts'),
  name('blk.{n}.ffn_down_exps', `${layer}.mlp.experts.{e}.down_proj`, 'experts'),
]

const sizes: FieldRule[] = [
  whole('num_hidden_layers', 'block_count'),
  whole('max_position_embeddings', 'context_length'),
  whole('hidden_size', 'embedding_length'),
  whole('intermediate_size', 'feed_forward_length'),
  whole('num_attention_heads', 'attention.head_count'),
]

const decoder: FieldRule[] = [
  ...sizes,
  whole('num_key_value_heads', 'attention.head_count_kv'),
  real('rms_norm_eps', 'attention.layer_norm_rms_epsilon'),
  real('rope_theta', 'rope.freq_base', 10000),
]

const expertFields: FieldRule[] = [
  whole('num_experts_per_tok', 'expert_used_count'),
  whole('moe_intermediate_size', 'expert_feed_forward_length'),
]

const llama: GgufFamily = {
  architecture: 'llama',
  modelType: 'llama',
  className: 'LlamaForCausalLM',
  names: [...ends, ...rotaryAttention, ...feedForwardNorm, ...feedForward],
  fields: decoder,
  constants: { hidden_act: 'silu' },
}

const qwen2: GgufFamily = {
  architecture: 'qwen2',
  modelType: 'qwen2',
  className: 'Qwen2ForCausalLM',
  names: [...ends, ...attention, ...feedForwardNorm, ...feedForward],
  fields: decoder,
  constants: { hidden_act: 'silu', use_sliding_window: false },
}

const qwen3: GgufFamily = {
  architecture: 'qwen3',
  modelType: 'qwen3',
  className: 'Qwen3ForCausalLM',
  names: [...ends, ...attention, ...headNorms, ...feedForwardNorm, ...feedForward],
  fields: decoder,
  constants: { hidden_act: 'silu', attention_bias: false, use_sliding_window: false },
}

const qwen3Moe: GgufFamily = {
  architecture: 'qwen3moe',
  modelType: 'qwen3_moe',
  className: 'Qwen3MoeForCausalLM',
  names: [...ends, ...attention, ...headNorms, ...feedForwardNorm, ...experts],
  fields: [...decoder, ...expertFields, whole('num_experts', 'expert_count')],
  constants: {
    hidden_act: 'silu',
    attention_bias: false,
    use_sliding_window: false,
    norm_topk_prob: true,
    decoder_sparse_step: 1,
    mlp_only_layers: [],
  },
}

const gemma2: GgufFamily = {
  architecture: 'gemma2',
  modelType: 'gemma2',
  className: 'Gemma2ForCausalLM',
  names: [
    name('token_embd', 'model.embed_tokens'),
    name('output_norm', 'model.norm', 'plus-one'),
    ...attention.filter((rule) => rule.gguf !== 'blk.{n}.attn_norm'),
    name('blk.{n}.attn_norm', `${layer}.input_layernorm`, 'plus-one'),
    name('blk.{n}.post_attention_norm', `${layer}.post_attention_layernorm`, 'plus-one'),
    name('blk.{n}.ffn_norm', `${layer}.pre_feedforward_layernorm`, 'plus-one'),
    name('blk.{n}.post_ffw_norm', `${layer}.post_feedforward_layernorm`, 'plus-one'),
    ...feedForward,
  ],
  fields: [
    ...decoder,
    real('attn_logit_softcapping', 'attn_logit_softcapping', 50),
    real('final_logit_softcapping', 'final_logit_softcapping', 30),
    whole('sliding_window', 'attention.sliding_window', 4096),
  ],
  constants: { hidden_act: 'gelu_pytorch_tanh', hidden_activation: 'gelu_pytorch_tanh' },
}

const deepseek: GgufFamily = {
  architecture: 'deepseek2',
  modelType: 'deepseek_v3',
  className: 'DeepseekV3ForCausalLM',
  names: [
    ...ends,
    name('blk.{n}.attn_norm', `${layer}.input_layernorm`),
    name('blk.{n}.attn_q', `${layer}.self_attn.q_proj`),
    name('blk.{n}.attn_q_a', `${layer}.self_attn.q_a_proj`),
    name('blk.{n}.attn_q_a_norm', `${layer}.self_attn.q_a_layernorm`),
    name('blk.{n}.attn_q_b', `${layer}.self_attn.q_b_proj`),
    name('blk.{n}.attn_kv_a_mqa', `${layer}.self_attn.kv_a_proj_with_mqa`),
    name('blk.{n}.attn_kv_a_norm', `${layer}.self_attn.kv_a_layernorm`),
    name('blk.{n}.attn_kv_b', `${layer}.self_attn.kv_b_proj`),
    name('blk.{n}.attn_output', `${layer}.self_attn.o_proj`),
    ...feedForwardNorm,
    ...feedForward,
    ...experts,
    wholeName('blk.{n}.exp_probs_b.bias', `${layer}.mlp.gate.e_score_correction_bias`),
    name('blk.{n}.ffn_gate_shexp', `${layer}.mlp.shared_experts.gate_proj`),
    name('blk.{n}.ffn_up_shexp', `${layer}.mlp.shared_experts.up_proj`),
    name('blk.{n}.ffn_down_shexp', `${layer}.mlp.shared_experts.down_proj`),
  ],
  fields: [
    ...decoder.filter((field) => field.hf !== 'num_key_value_heads'),
    ...expertFields,
    whole('kv_lora_rank', 'attention.kv_lora_rank'),
    whole('qk_rope_head_dim', 'rope.dimension_count'),
    whole('n_routed_experts', 'expert_count'),
    whole('n_shared_experts', 'expert_shared_count', 0),
    whole('first_k_dense_replace', 'leading_dense_block_count', 0),
    whole('n_group', 'expert_group_count', 1),
    whole('topk_group', 'expert_group_used_count', 1),
    real('routed_scaling_factor', 'expert_weights_scale', 1),
    truth('norm_topk_prob', 'expert_weights_norm', false),
  ],
  constants: { hidden_act: 'silu', attention_bias: false },
}

const gpt2: GgufFamily = {
  architecture: 'gpt2',
  modelType: 'gpt2',
  className: 'GPT2LMHeadModel',
  names: [
    name('token_embd', 'transformer.wte'),
    name('position_embd', 'transformer.wpe'),
    name('output_norm', 'transformer.ln_f'),
    name('output', 'lm_head'),
    name('blk.{n}.attn_norm', 'transformer.h.{n}.ln_1'),
    name('blk.{n}.attn_qkv', 'transformer.h.{n}.attn.c_attn', 'transposed'),
    name('blk.{n}.attn_output', 'transformer.h.{n}.attn.c_proj', 'transposed'),
    name('blk.{n}.ffn_norm', 'transformer.h.{n}.ln_2'),
    name('blk.{n}.ffn_up', 'transformer.h.{n}.mlp.c_fc', 'transposed'),
    name('blk.{n}.ffn_down', 'transformer.h.{n}.mlp.c_proj', 'transposed'),
  ],
  fields: [
    whole('n_layer', 'block_count'),
    whole('n_positions', 'context_length'),
    whole('n_embd', 'embedding_length'),
    whole('n_inner', 'feed_forward_length'),
    whole('n_head', 'attention.head_count'),
    real('layer_norm_epsilon', 'attention.layer_norm_epsilon'),
  ],
  constants: { activation_function: 'gelu_new' },
}

const bert: GgufFamily = {
  architecture: 'bert',
  modelType: 'bert',
  className: 'BertModel',
  names: [
    name('token_embd', 'embeddings.word_embeddings'),
    name('position_embd', 'embeddings.position_embeddings'),
    name('token_types', 'embeddings.token_type_embeddings'),
    name('token_embd_norm', 'embeddings.LayerNorm'),
    name('blk.{n}.attn_q', 'encoder.layer.{n}.attention.self.query'),
    name('blk.{n}.attn_k', 'encoder.layer.{n}.attention.self.key'),
    name('blk.{n}.attn_v', 'encoder.layer.{n}.attention.self.value'),
    name('blk.{n}.attn_output', 'encoder.layer.{n}.attention.output.dense'),
    name('blk.{n}.attn_output_norm', 'encoder.layer.{n}.attention.output.LayerNorm'),
    name('blk.{n}.ffn_up', 'encoder.layer.{n}.intermediate.dense'),
    name('blk.{n}.ffn_down', 'encoder.layer.{n}.output.dense'),
    name('blk.{n}.layer_output_norm', 'encoder.layer.{n}.output.LayerNorm'),
  ],
  fields: [...sizes, real('layer_norm_eps', 'attention.layer_norm_epsilon')],
  constants: { hidden_act: 'gelu', position_embedding_type: 'absolute' },
}

const families = [llama, qwen2, qwen3, qwen3Moe, gemma2, deepseek, gpt2, bert]

/** The family of a GGUF's `general.architecture`. */
export function familyOfArchitecture(architecture: string): GgufFamily | undefined {
  return families.find((family) => family.architecture === architecture)
}

/** Model types that GGUF files call by another's name. */
const aliases: ReadonlyMap<unknown, string> = new Map([
  ['mistral', 'llama'],
  ['deepseek_v2', 'deepseek_v3'],
])

/** The family that writes a model of config.json's `model_type`. */
export function familyOfModelType(modelType: unknown): GgufFamily | undefined {
  const wanted = aliases.get(modelType) ?? modelType
  return families.find((family) => family.modelType === wanted)
}

/** Architectures that are read, for error messages. */
export function knownArchitectures(): string[] {
  return families.map((family) => family.architecture)
}
