import { z } from 'zod'
import type { Activation } from '../../nn/index.ts'
import { ropeFields } from './rope.ts'

/** A whole number of at least one. */
export const size = z.number().int().positive()
/** A switch that is off where nothing is said. */
export const off = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false)
/** A switch that is on where nothing is said. */
export const on = z
  .boolean()
  .nullish()
  .transform((value) => value ?? true)

/** A number with a value where nothing is said. */
export function number(fallback: number) {
  return z
    .number()
    .nullish()
    .transform((value) => value ?? fallback)
}

/** A number of something that may be none. */
export const count = z.number().int().nonnegative()

/** Activations by Hugging Face's names. */
const activations = {
  silu: 'silu',
  swish: 'silu',
  gelu: 'gelu',
  gelu_new: 'geluTanh',
  gelu_pytorch_tanh: 'geluTanh',
  gelu_fast: 'geluTanh',
  relu: 'relu',
} as const satisfies Record<string, Activation>

type ActivationName = keyof typeof activations

/** The name of an activation. */
export function activation(fallback: ActivationName) {
  return z
    .enum(Object.keys(activations) as [ActivationName, ...ActivationName[]])
    .nullish()
    .transform((name) => name ?? fallback)
}

export function activationOf(name: ActivationName): Activation {
  return activations[name]
}

/** The keys that all decoders with rotary positions have. */
export const decoderFields = {
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  hidden_act: activation('silu'),
  rms_norm_eps: number(1e-6),
  tie_word_embeddings: off,
  attention_bias: off,
  ...ropeFields,
} as const

interface HeadFields {
  readonly hidden_size: number
  readonly num_attention_heads: number
  readonly num_key_value_heads?: number | null | undefined
  readonly head_dim?: number | null | undefined
}

/** Fills in what heads derive from the rest: as many key as query heads, together as wide as the model. */
export function withHeads<Config extends HeadFields>(config: Config) {
  const { hidden_size, num_attention_heads } = config
  return {
    ...config,
    num_key_value_heads: config.num_key_value_heads ?? num_attention_heads,
    head_dim: config.head_dim ?? Math.floor(hidden_size / num_attention_heads),
  }
}

/** The keys of families in which some layers see a window of keys only. */
export const windowFields = {
  use_sliding_window: off,
  sliding_window: size.nullish(),
  max_window_layers: count.nullish(),
  layer_types: z.array(z.enum(['full_attention', 'sliding_attention'])).nullish(),
} as const

interface WindowFields {
  readonly use_sliding_window: boolean
  readonly sliding_window?: number | null | undefined
  readonly max_window_layers?: number | null | undefined
  readonly layer_types?: readonly string[] | null | undefined
}

/** The window of a layer; 0 is none. Where nothing names the layers, those from `max_window_layers` on have one. */
export function windowOf(config: WindowFields, layer: number): number {
  const { use_sliding_window, sliding_window, max_window_layers, layer_types } = config
  const window = use_sliding_window ? (sliding_window ?? 0) : 0
  const windowed = layer_types ? layer_types[layer] === 'sliding_attention' : layer >= (max_window_layers ?? 28)
  return windowed ? window : 0
}
