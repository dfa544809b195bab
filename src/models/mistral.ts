import { z } from 'zod'
import { type Scope, selfAttention } from '../nn/index.ts'
import { decoderFields, size, withHeads } from './config/fields.ts'
import { decoderFamily, denseFeedForward, headsOf, preNormLayer, runDecoder } from './decoder.ts'
import type { Family, ForwardOptions, ModelInputs, ModelOutput } from './model.ts'

const schema = z.object({ ...decoderFields, sliding_window: size.nullish() }).transform(withHeads)

type MistralConfig = z.output<typeof schema>

/** Mistral 7B (Jiang et al. 2023, arXiv:2310.06825): Llama with a window of keys in every layer. */
function forward(scope: Scope, config: MistralConfig, inputs: ModelInputs, options: ForwardOptions): ModelOutput {
  const attention = { ...headsOf(config), window: config.sliding_window ?? 0 }
  return runDecoder(scope, config, inputs, options, {
    layer: (layer, x, context) =>
      preNormLayer(layer, x, config.rms_norm_eps, {
        mix: (part, normal) => selfAttention(part, normal, attention, context),
        feedForward: (part, normal) => denseFeedForward(part, normal, config),
      }),
  })
}

/** Mistral's dense text models. */
export const mistral: Family<MistralConfig> = {
  ...decoderFamily,
  modelType: 'mistral',
  architectures: ['MistralForCausalLM'],
  config: schema,
  forward,
}
