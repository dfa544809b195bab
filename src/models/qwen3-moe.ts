import { z } from 'zod'
import { mixture, type Scope, softmaxRouting } from '../nn/index.ts'
import { reshape, type Tensor } from '../tensor/index.ts'
import { activationOf, count, off, size, withHeads } from './config/fields.ts'
import { decoderFamily, denseFeedForward, preNormLayer, runDecoder } from './decoder.ts'
import type { Family, ForwardOptions, ModelInputs, ModelOutput } from './model.ts'
import { normedAttention, qwen3Fields } from './qwen3.ts'

const fields = z.object({
  ...qwen3Fields,
  num_experts: size,
  num_experts_per_tok: size,
  moe_intermediate_size: size,
  norm_topk_prob: off,
  decoder_sparse_step: size.nullish().transform((step) => step ?? 1),
  mlp_only_layers: z
    .array(count)
    .nullish()
    .transform((layers) => layers ?? []),
})

/** Newer files call the number of experts `num_local_experts`. */
const schema = z
  .looseObject({ num_experts: size.nullish(), num_local_experts: size.nullish() })
  .transform((raw) => ({ ...raw, num_experts: raw.num_experts ?? raw.num_local_experts }))
  .pipe(fields)
  .transform(withHeads)

type Qwen3MoeConfig = z.output<typeof schema>

function hasExperts(config: Qwen3MoeConfig, layer: number): boolean {
  return !config.mlp_only_layers.includes(layer) && (layer + 1) % config.decoder_sparse_step === 0
}

function sparseFeedForward(scope: Scope, x: Tensor, config: Qwen3MoeConfig): Tensor {
  const { num_experts: experts, num_experts_per_tok: chosen, norm_topk_prob: normalised } = config
  const tokens = reshape(x, [-1, config.hidden_size])
  const routing = softmaxRouting(scope.child('gate'), tokens, { experts, chosen, normalised })
  const expert = { hidden: config.moe_intermediate_size, activation: activationOf(config.hidden_act) }
  return reshape(mixture(scope.child('experts'), tokens, routing, experts, expert), x.shape)
}

/** Qwen 3 with experts in the place of some feed-forward layers (arXiv:2505.09388). */
function forward(scope: Scope, config: Qwen3MoeConfig, inputs: ModelInputs, options: ForwardOptions): ModelOutput {
  // Unlike the dense models, every layer has the window where there is one.
  const window = config.use_sliding_window ? (config.sliding_window ?? 0) : 0
  return runDecoder(scope, config, inputs, options, {
    layer: (layer, x, context) =>
      preNormLayer(layer, x, config.rms_norm_eps, {
        mix: (part, normal) => normedAttention(part, normal, config, window, context),
        feedForward: (part, normal) =>
          hasExperts(config, context.index)
            ? sparseFeedForward(part, normal, config)
            : denseFeedForward(part, normal, config),
      }),
  })
}

/** Qwen 3's models with experts. */
export const qwen3Moe: Family<Qwen3MoeConfig> = {
  ...decoderFamily,
  modelType: 'qwen3_moe',
  architectures: ['Qwen3MoeForCausalLM'],
  config: schema,
  forward,
}
