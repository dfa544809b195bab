import { z } from 'zod'
import { centeredRmsNorm, gatedFeedForward, type Scope, selfAttention } from '../nn/index.ts'
import { add, type Tensor } from '../tensor/index.ts'
import { activation, activationOf, decoderFields, number, on, size, windowFields, withHeads } from './config/fields.ts'
import { decoderCacheLayout, decoderHead, decoderSizes, headsOf, runDecoder } from './decoder.ts'
import type { Family, ForwardOptions, ModelInputs, ModelOutput } from './model.ts'
import type { LayerContext } from './stack.ts'

/** A cap of scores or logits; none where it is null. */
const cap = (usual: number) => z.number().positive().nullable().default(usual)

const schema = z
  .object({
    ...decoderFields,
    hidden_activation: activation('gelu_pytorch_tanh'),
    tie_word_embeddings: on,
    query_pre_attn_scalar: number(256),
    sliding_window: size.nullish(),
    layer_types: windowFields.layer_types,
    attn_logit_softcapping: cap(50),
    final_logit_softcapping: cap(30),
  })
  .transform((config) => withHeads({ ...config, head_dim: config.head_dim ?? 256 }))

type Gemma2Config = z.output<typeof schema>

/** Every other layer, the first among them, sees a window of keys only, where nothing else is said. */
function windowOfLayer({ layer_types, sliding_window }: Gemma2Config, layer: number): number {
  const windowed = layer_types ? layer_types[layer] === 'sliding_attention' : layer % 2 === 0
  return windowed ? (sliding_window ?? 0) : 0
}

/** Gemma 2's layer: each half is normed before it and after it. */
function gemmaLayer(scope: Scope, x: Tensor, config: Gemma2Config, context: LayerContext): Tensor {
  const norm = (name: string, input: Tensor) => centeredRmsNorm(scope.child(name), input, config.rms_norm_eps)
  const { attention_bias: bias, intermediate_size: hidden } = config
  const attention = {
    ...headsOf(config),
    bias,
    outputBias: bias,
    scale: config.query_pre_attn_scalar ** -0.5,
    softcap: config.attn_logit_softcapping ?? 0,
    window: windowOfLayer(config, context.index),
  }
  const mixed = selfAttention(scope.child('self_attn'), norm('input_layernorm', x), attention, context)
  const residual = add(x, norm('post_attention_layernorm', mixed))
  const fed = gatedFeedForward(scope.child('mlp'), norm('pre_feedforward_layernorm', residual), {
    hidden,
    activation: activationOf(config.hidden_activation),
  })
  return add(residual, norm('post_feedforward_layernorm', fed))
}

/** Gemma 2 (Gemma Team 2024, arXiv:2408.00118). */
function forward(scope: Scope, config: Gemma2Config, inputs: ModelInputs, options: ForwardOptions): ModelOutput {
  return runDecoder(scope, config, inputs, options, {
    layer: (layer, x, context) => gemmaLayer(layer, x, config, context),
    embeddingScale: Math.sqrt(config.hidden_size),
    centeredNorms: true,
  })
}

export const gemma2: Family<Gemma2Config> = {
  modelType: 'gemma2',
  architectures: ['Gemma2ForCausalLM'],
  config: schema,
  prefix: 'model.',
  forward,
  head: (scope, config, hidden) => ({
    ...decoderHead(scope, config, hidden),
    softcap: config.final_logit_softcapping ?? 0,
  }),
  cacheLayout: decoderCacheLayout,
  sizes: decoderSizes,
}
