import {
  centeredRmsNorm,
  embedding,
  embeddingTable,
  gatedFeedForward,
  type Head,
  type LayerLayout,
  rmsNorm,
  type Scope,
  type SelfAttentionOptions,
} from '../nn/index.ts'
import { add, multiply, normal, type Tensor } from '../tensor/index.ts'
import { activationOf } from './config/fields.ts'
import { type RopeConfig, rotaryOf } from './config/rope.ts'
import type { ForwardOptions, ModelInputs, ModelOutput, ModelSizes } from './model.ts'
import { type Layer, positionCount, runStack } from './stack.ts'

/** What the decoders with rotary positions and gated feed-forward layers have in common. */
export interface DecoderConfig extends RopeConfig {
  readonly vocab_size: number
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly num_key_value_heads: number
  /** Features of a head that turn. */
  readonly head_dim: number
  readonly hidden_act: Parameters<typeof activationOf>[0]
  readonly rms_norm_eps: number
  readonly tie_word_embeddings: boolean
}

/** How a decoder differs from Llama's. */
export interface DecoderStyle {
  readonly layer: Layer
  /** Factor of the embeddings. */
  readonly embeddingScale?: number
  /** Norms multiply by 1 + weight. */
  readonly centeredNorms?: boolean
}

/** Embedding, layers and last norm of a decoder, up to the hidden states. */
export function runDecoder(
  scope: Scope,
  config: DecoderConfig,
  inputs: ModelInputs,
  options: ForwardOptions,
  { layer, embeddingScale, centeredNorms }: DecoderStyle,
): ModelOutput {
  const model = scope.child('model')
  const rotary = rotaryOf(config, config.head_dim, positionCount(inputs, options), inputs.positions)
  const table = { vocabulary: config.vocab_size, width: config.hidden_size }
  const embedded = embedding(model.child('embed_tokens'), inputs.ids, table)
  const x = embeddingScale === undefined ? embedded : multiply(embedded, embeddingScale)
  const stack = runStack(model.child('layers'), x, config.num_hidden_layers, layer, inputs, options, rotary)
  const norm = centeredNorms ? centeredRmsNorm : rmsNorm
  return { ...stack, hidden: norm(model.child('norm'), stack.hidden, config.rms_norm_eps) }
}

/** The two halves of a layer. */
export interface LayerParts {
  mix(scope: Scope, x: Tensor): Tensor
  feedForward(scope: Scope, x: Tensor): Tensor
}

/** Llama's layer: each half is normed before it and added to the residual. */
export function preNormLayer(scope: Scope, x: Tensor, epsilon: number, { mix, feedForward }: LayerParts): Tensor {
  const residual = add(x, mix(scope.child('self_attn'), rmsNorm(scope.child('input_layernorm'), x, epsilon)))
  const normal = rmsNorm(scope.child('post_attention_layernorm'), residual, epsilon)
  return add(residual, feedForward(scope.child('mlp'), normal))
}

/** Sizes of grouped-query attention. */
export function headsOf(config: DecoderConfig): SelfAttentionOptions {
  return {
    heads: config.num_attention_heads,
    keyValueHeads: config.num_key_value_heads,
    headWidth: config.head_dim,
  }
}

/** The gated feed-forward layer with the model's own width. */
export function denseFeedForward(scope: Scope, x: Tensor, config: DecoderConfig, bias?: boolean): Tensor {
  return gatedFeedForward(scope, x, {
    hidden: config.intermediate_size,
    activation: activationOf(config.hidden_act),
    bias,
  })
}

/** The head: a table of its own, or the embedding's. */
export function decoderHead(scope: Scope, config: DecoderConfig, hidden: Tensor): Head {
  const { vocab_size: vocabulary, hidden_size: width, tie_word_embeddings: tied } = config
  return {
    hidden,
    weight: tied
      ? embeddingTable(scope.child('model.embed_tokens'), vocabulary, width)
      : scope.parameter('lm_head.weight', [vocabulary, width], normal(0.02)),
  }
}

/** A key and a value for each key-value head in every layer. */
export function keyValueLayout(layers: number, heads: number, width: number): readonly LayerLayout[] {
  const layer = { keys: { kind: 'keys', heads, width }, values: { kind: 'values', heads, width } } as const
  return Array.from({ length: layers }, () => layer)
}

/** A key and a value for each key-value head. */
export function decoderCacheLayout(config: DecoderConfig): readonly LayerLayout[] {
  return keyValueLayout(config.num_hidden_layers, config.num_key_value_heads, config.head_dim)
}

export function decoderSizes(config: DecoderConfig): ModelSizes {
  return {
    vocabulary: config.vocab_size,
    width: config.hidden_size,
    layers: config.num_hidden_layers,
    positions: config.max_position_embeddings,
    hasHead: true,
  }
}

/** What the families of these decoders share beside their layers. */
export const decoderFamily = {
  prefix: 'model.',
  head: decoderHead,
  cacheLayout: decoderCacheLayout,
  sizes: decoderSizes,
} as const
