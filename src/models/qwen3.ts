import { z } from 'zod'
import { type AttentionContext, type Scope, selfAttention } from '../nn/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { decoderFields, windowFields, windowOf, withHeads } from './config/fields.ts'
import { type DecoderConfig, decoderFamily, denseFeedForward, headsOf, preNormLayer, runDecoder } from './decoder.ts'
import type { Family, ForwardOptions, ModelInputs, ModelOutput } from './model.ts'

/** Keys of all Qwen 3 models. Where the width of a head is not given it is 128. */
export const qwen3Fields = { ...decoderFields, ...windowFields } as const

const schema = z.object(qwen3Fields).transform((config) => withHeads({ ...config, head_dim: config.head_dim ?? 128 }))

type Qwen3Config = z.output<typeof schema>

/** Attention whose query and key heads are normed. */
export function normedAttention(
  scope: Scope,
  x: Tensor,
  config: DecoderConfig & { readonly attention_bias: boolean },
  window: number,
  context: AttentionContext,
): Tensor {
  const { attention_bias: bias, rms_norm_eps: headNorm } = config
  return selfAttention(scope, x, { ...headsOf(config), bias, outputBias: bias, headNorm, window }, context)
}

/** Qwen 3 (Yang et al. 2025, arXiv:2505.09388): Llama with normed query and key heads. */
function forward(scope: Scope, config: Qwen3Config, inputs: ModelInputs, options: ForwardOptions): ModelOutput {
  return runDecoder(scope, config, inputs, options, {
    layer: (layer, x, context) =>
      preNormLayer(layer, x, config.rms_norm_eps, {
        mix: (part, normal) => normedAttention(part, normal, config, windowOf(config, context.index), context),
        feedForward: (part, normal) => denseFeedForward(part, normal, config),
      }),
  })
}

/** Qwen 3's dense models. */
export const qwen3: Family<Qwen3Config> = {
  ...decoderFamily,
  modelType: 'qwen3',
  architectures: ['Qwen3ForCausalLM'],
  config: schema,
  forward,
}
