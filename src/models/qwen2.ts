import { z } from 'zod'
import { type Scope, selfAttention } from '../nn/index.ts'
import { decoderFields, windowFields, windowOf, withHeads } from './config/fields.ts'
import { decoderFamily, denseFeedForward, headsOf, preNormLayer, runDecoder } from './decoder.ts'
import type { Family, ForwardOptions, ModelInputs, ModelOutput } from './model.ts'

const schema = z.object({ ...decoderFields, ...windowFields }).transform(withHeads)

type Qwen2Config = z.output<typeof schema>

/** Qwen 2 (Yang et al. 2024, arXiv:2407.10671): Llama with biases of queries, keys and values, and windows in upper layers. */
function forward(scope: Scope, config: Qwen2Config, inputs: ModelInputs, options: ForwardOptions): ModelOutput {
  return runDecoder(scope, config, inputs, options, {
    layer: (layer, x, context) =>
      preNormLayer(layer, x, config.rms_norm_eps, {
        mix: (part, normal) => {
          const attention = { ...headsOf(config), bias: true, window: windowOf(config, context.index) }
          return selfAttention(part, normal, attention, context)
        },
        feedForward: (part, normal) => denseFeedForward(part, normal, config),
      }),
  })
}

/** Qwen 1.5, 2 and 2.5, and models distilled into them (DeepSeek-R1-Distill-Qwen). */
export const qwen2: Family<Qwen2Config> = {
  ...decoderFamily,
  modelType: 'qwen2',
  architectures: ['Qwen2ForCausalLM'],
  config: schema,
  forward,
}
