import type { GgufFamily } from './families.ts'
import { MetadataReader } from './reader.ts'
import { readRopeScaling } from './rope.ts'
import type { GgufValue } from './value.ts'

/** What config.json needs to know of the tensors. */
export interface TensorShapes {
  /** Shape of a tensor under its GGUF name. */
  shapeOf(name: string): readonly number[] | undefined
}

type Config = Record<string, unknown>

function headFields(reader: MetadataReader, config: Config): Config {
  const heads = Number(config.num_attention_heads)
  const fallback = heads > 0 ? Number(config.hidden_size) / heads : 0
  return { head_dim: reader.whole(reader.own('attention.key_length')) ?? fallback }
}

/** Multi-head latent attention: `key_length_mla` in newer files, `key_length` in older ones, is the whole key. */
function latentAttentionFields(reader: MetadataReader, config: Config, shapes: TensorShapes): Config {
  const wholeKey = (name: string) =>
    reader.whole(reader.own(`attention.${name}_mla`)) ?? reader.whole(reader.own(`attention.${name}`)) ?? 0
  const sigmoid = reader.whole(reader.own('expert_gating_func')) === 2
  const biased = shapes.shapeOf(`blk.${Number(config.first_k_dense_replace)}.exp_probs_b.bias`) !== undefined
  const grouped = Number(config.n_group) > 1
  const multiplier = reader.real(reader.own('rope.scaling.yarn_log_multiplier'))
  return {
    model_type: sigmoid || biased ? 'deepseek_v3' : 'deepseek_v2',
    architectures: [sigmoid || biased ? 'DeepseekV3ForCausalLM' : 'DeepseekV2ForCausalLM'],
    num_key_value_heads: config.num_attention_heads,
    q_lora_rank: reader.whole(reader.own('attention.q_lora_rank')) ?? null,
    qk_nope_head_dim: wholeKey('key_length') - Number(config.qk_rope_head_dim),
    v_head_dim: wholeKey('value_length'),
    scoring_func: sigmoid ? 'sigmoid' : 'softmax',
    topk_method: biased ? 'noaux_tc' : grouped ? 'group_limited_greedy' : 'greedy',
    ...(multiplier === undefined ? {} : { rope_scaling: latentScaling(config.rope_scaling, multiplier) }),
  }
}

/** llama.cpp keeps a tenth of `mscale_all_dim`; published models have `mscale` equal to it. */
function latentScaling(scaling: unknown, multiplier: number): unknown {
  const scale = Number((multiplier * 10).toPrecision(6))
  return { ...(scaling as Config | undefined), mscale: scale, mscale_all_dim: scale }
}

function familyFields(family: GgufFamily, reader: MetadataReader, config: Config, shapes: TensorShapes): Config {
  switch (family.architecture) {
    case 'deepseek2':
      return latentAttentionFields(reader, config, shapes)
    case 'gpt2':
      return {}
    case 'bert':
      return { type_vocab_size: shapes.shapeOf('token_types.weight')?.[0] ?? 2 }
    case 'gemma2': {
      const { head_dim } = headFields(reader, config)
      // The 27B model, told by its 46 layers, scales queries by hidden size / heads; the others by the head dimension.
      const large = config.num_hidden_layers === 46
      const scalar = large ? Number(config.hidden_size) / Number(config.num_attention_heads) : head_dim
      return { head_dim, query_pre_attn_scalar: scalar }
    }
    case 'llama':
      return {
        ...headFields(reader, config),
        attention_bias: shapes.shapeOf('blk.0.attn_q.bias') !== undefined,
        mlp_bias: shapes.shapeOf('blk.0.ffn_up.bias') !== undefined,
      }
    default:
      return headFields(reader, config)
  }
}

const tokenKeys = [
  ['bos_token_id', 'tokenizer.ggml.bos_token_id'],
  ['eos_token_id', 'tokenizer.ggml.eos_token_id'],
  ['pad_token_id', 'tokenizer.ggml.padding_token_id'],
] as const

/**
 * Derives the keys of Hugging Face's config.json from the metadata of a GGUF file.
 *
 * @throws R1Error 'bad-checkpoint' where a required key is absent or of a wrong type
 */
export function deriveConfig(
  family: GgufFamily,
  metadata: ReadonlyMap<string, GgufValue>,
  shapes: TensorShapes,
  file: string,
): Record<string, unknown> {
  const reader = new MetadataReader(metadata, family.architecture, file)
  const config: Config = {
    model_type: family.modelType,
    architectures: [family.className],
    ...family.constants,
    ...Object.fromEntries(family.fields.map((field) => [field.hf, reader.field(field)])),
    vocab_size: shapes.shapeOf('token_embd.weight')?.[0] ?? 0,
    tie_word_embeddings: shapes.shapeOf('output.weight') === undefined,
  }
  const scaling = readRopeScaling(reader, file)
  if (scaling) config.rope_scaling = scaling
  Object.assign(config, familyFields(family, reader, config, shapes))
  for (const [key, from] of tokenKeys) {
    const id = reader.whole(from)
    if (id !== undefined) config[key] = id
  }
  return config
}
