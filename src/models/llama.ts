import { z } from 'zod'
import { type Scope, selfAttention } from '../nn/index.ts'
import { decoderFields, off, withHeads } from './config/fields.ts'
import { decoderFamily, denseFeedForward, headsOf, preNormLayer, runDecoder } from './decoder.ts'
import type { Family, ForwardOptions, ModelInputs, ModelOutput } from './model.ts'

const schema = z.object({ ...decoderFields, mlp_bias: off }).transform(withHeads)

/** Keys of a Llama's config.json, defaults filled in. */
export type LlamaConfig = z.output<typeof schema>

/** Llama's decoder (Touvron et al. 2023, arXiv:2302.13971). */
function forward(scope: Scope, config: LlamaConfig, inputs: ModelInputs, options: ForwardOptions): ModelOutput {
  const { attention_bias: bias, mlp_bias, rms_norm_eps } = config
  const attention = { ...headsOf(config), bias, outputBias: bias }
  return runDecoder(scope, config, inputs, options, {
    layer: (layer, x, context) =>
      preNormLayer(layer, x, rms_norm_eps, {
        mix: (part, normal) => selfAttention(part, normal, attention, context),
        feedForward: (part, normal) => denseFeedForward(part, normal, config, mlp_bias),
      }),
  })
}

/** Llama 1 to 3.3, and the many models of its shape (SmolLM2, TinyLlama, Yi, …). */
export const llama: Family<LlamaConfig> = {
  ...decoderFamily,
  modelType: 'llama',
  architectures: ['LlamaForCausalLM'],
  config: schema,
  forward,
}
