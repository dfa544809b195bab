import { R1Error } from '../../errors.ts'
import { isRecord } from '../json.ts'
import { type GgufEntry, realEntry, textEntry, truthEntry, wholeEntry } from './encode.ts'
import type { FieldRule, GgufFamily } from './families.ts'

type Config = Readonly<Record<string, unknown>>

/** Rotary settings, which newer config.json files keep under `rope_parameters`. */
function ropeOf(config: Config): Config {
  const nested = isRecord(config.rope_parameters) ? config.rope_parameters : {}
  const scaling = isRecord(config.rope_scaling) ? config.rope_scaling : {}
  return { rope_theta: config.rope_theta, ...nested, ...scaling }
}

/** The kind of rotary scaling: 'default', 'linear', 'llama3', 'yarn'. */
export function ropeType(config: Config): string {
  const rope = ropeOf(config)
  return String(rope.rope_type ?? rope.type ?? 'default')
}

/** The number under a key of config.json, looked up under `rope_parameters` too. @throws R1Error 'bad-checkpoint' */
export function configNumber(config: Config, key: string, fallback?: number): number {
  const value = config[key] ?? ropeOf(config)[key] ?? fallback
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new R1Error('bad-checkpoint', `config.json has no number ${key}.`, {
    remedy: 'Add it, or check the checkpoint.',
  })
}

/** Keys that some families leave out where they follow from others. */
function impliedField(config: Config, hf: string): number | undefined {
  if (hf === 'num_key_value_heads') return configNumber(config, 'num_attention_heads')
  if (hf === 'num_experts') return configNumber(config, 'num_local_experts')
  if (hf === 'n_inner') return 4 * configNumber(config, 'n_embd')
  return undefined
}

function fieldEntry(family: GgufFamily, config: Config, { hf, gguf, type, fallback }: FieldRule): GgufEntry {
  const key = `${family.architecture}.${gguf}`
  if (type === 'BOOL') return truthEntry(key, Boolean(config[hf] ?? fallback))
  const implied = config[hf] == null ? impliedField(config, hf) : undefined
  const value = configNumber(config, hf, implied ?? (fallback as number | undefined))
  return type === 'U32' ? wholeEntry(key, value) : realEntry(key, value)
}

/** Numbers of each head's key and value. */
export function headDimension(config: Config): number {
  const derived = Number(config.hidden_size) / Number(config.num_attention_heads)
  return typeof config.head_dim === 'number' ? config.head_dim : derived
}

function headEntries(architecture: string, config: Config): GgufEntry[] {
  const head = headDimension(config)
  return [
    wholeEntry(`${architecture}.attention.key_length`, head),
    wholeEntry(`${architecture}.attention.value_length`, head),
    wholeEntry(`${architecture}.rope.dimension_count`, head),
  ]
}

/** DeepSeek-V3 scores experts by sigmoid, and newer config.json files of it do not say so. */
function isSigmoid(config: Config): boolean {
  return config.scoring_func === 'sigmoid' || config.model_type === 'deepseek_v3'
}

/** Latent attention is written as multi-query attention over the compressed vector, as llama.cpp runs it. */
function latentEntries(architecture: string, config: Config): GgufEntry[] {
  const number = (key: string) => configNumber(config, key)
  const rope = number('qk_rope_head_dim')
  const rank = number('kv_lora_rank')
  const entries = [
    wholeEntry(`${architecture}.attention.head_count_kv`, 1),
    wholeEntry(`${architecture}.attention.key_length`, rank + rope),
    wholeEntry(`${architecture}.attention.value_length`, rank),
    wholeEntry(`${architecture}.attention.key_length_mla`, number('qk_nope_head_dim') + rope),
    wholeEntry(`${architecture}.attention.value_length_mla`, number('v_head_dim')),
    wholeEntry(`${architecture}.expert_gating_func`, isSigmoid(config) ? 2 : 1),
    wholeEntry(`${architecture}.vocab_size`, number('vocab_size')),
  ]
  if (config.q_lora_rank != null)
    entries.push(wholeEntry(`${architecture}.attention.q_lora_rank`, number('q_lora_rank')))
  return entries
}

function scalingEntries(architecture: string, config: Config): GgufEntry[] {
  const type = ropeType(config)
  if (type === 'default' || type === 'llama3') return []
  if (type !== 'linear' && type !== 'yarn') {
    throw new R1Error('unsupported-checkpoint', `Rotary scaling of the type ${type} cannot be written to GGUF.`, {
      remedy: 'linear, llama3 and yarn can.',
    })
  }
  const rope = ropeOf(config)
  const key = (name: string) => `${architecture}.rope.scaling.${name}`
  const entries = [textEntry(key('type'), type), realEntry(key('factor'), configNumber(rope, 'factor'))]
  if (type === 'linear') return entries
  const context = configNumber(rope, 'original_max_position_embeddings')
  entries.push(wholeEntry(key('original_context_length'), context))
  if (typeof rope.mscale_all_dim === 'number')
    entries.push(realEntry(key('yarn_log_multiplier'), rope.mscale_all_dim / 10))
  if (typeof rope.beta_fast === 'number') entries.push(realEntry(key('yarn_beta_fast'), rope.beta_fast))
  if (typeof rope.beta_slow === 'number') entries.push(realEntry(key('yarn_beta_slow'), rope.beta_slow))
  return entries
}

function familyEntries({ architecture }: GgufFamily, config: Config): GgufEntry[] {
  switch (architecture) {
    case 'deepseek2':
      return latentEntries(architecture, config)
    case 'gpt2':
      return []
    case 'bert':
      return [truthEntry('bert.attention.causal', false), wholeEntry('bert.pooling_type', 1)]
    default:
      return headEntries(architecture, config)
  }
}

/**
 * A window of attention that the architecture has no key for is kept exact by a context no longer than the window.
 */
function limitContext(family: GgufFamily, config: Config): Config {
  const window = config.sliding_window
  if (family.architecture !== 'llama' || typeof window !== 'number') return config
  return { ...config, max_position_embeddings: Math.min(window, configNumber(config, 'max_position_embeddings')) }
}

/** The metadata of a model's sizes, from its config.json. @throws R1Error 'bad-checkpoint', 'unsupported-checkpoint' */
export function configEntries(family: GgufFamily, config: Config): GgufEntry[] {
  const limited = limitContext(family, config)
  return [
    ...family.fields.map((field) => fieldEntry(family, limited, field)),
    ...familyEntries(family, limited),
    ...scalingEntries(family.architecture, limited),
  ]
}
