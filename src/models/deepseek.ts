import { z } from 'zod'
import {
  biasedSigmoidRouting,
  gatedFeedForward,
  type LatentAttentionOptions,
  type LayerLayout,
  latentAttention,
  mixture,
  type RotaryTables,
  type RoutingOptions,
  type Scope,
  softmaxRouting,
} from '../nn/index.ts'
import { add, reshape, type Tensor } from '../tensor/index.ts'
import { activationOf, count, decoderFields, number, on, size } from './config/fields.ts'
import { ropeSharpening } from './config/rope.ts'
import { decoderHead, decoderSizes, denseFeedForward, preNormLayer, runDecoder } from './decoder.ts'
import type { Family, ForwardOptions, ModelInputs, ModelOutput } from './model.ts'

/** Keys of both generations. */
const fields = {
  ...decoderFields,
  kv_lora_rank: size,
  q_lora_rank: size.nullish(),
  qk_rope_head_dim: size,
  qk_nope_head_dim: size,
  v_head_dim: size,
  n_routed_experts: size.nullish(),
  n_shared_experts: size.nullish(),
  num_experts_per_tok: size.nullish(),
  moe_intermediate_size: size.nullish(),
  first_k_dense_replace: count.nullish(),
  n_group: size.nullish(),
  topk_group: size.nullish(),
  moe_layer_freq: z.literal(1).nullish(),
} as const

/** Heads turn by `qk_rope_head_dim` features; there are no key-value heads. */
function withTurnedHeads<Config extends { num_attention_heads: number; qk_rope_head_dim: number }>(config: Config) {
  return { ...config, num_key_value_heads: config.num_attention_heads, head_dim: config.qk_rope_head_dim }
}

const v2Schema = z
  .object({
    ...fields,
    scoring_func: z.literal('softmax').nullish(),
    topk_method: z
      .enum(['greedy', 'group_limited_greedy'])
      .nullish()
      .transform((method) => method ?? 'greedy'),
    // The reference implementation never normalises in this family.
    norm_topk_prob: z.literal(false).nullish(),
    routed_scaling_factor: number(1),
  })
  .transform(withTurnedHeads)

const v3Schema = z
  .object({
    ...fields,
    scoring_func: z.literal('sigmoid').nullish(),
    topk_method: z.literal('noaux_tc').nullish(),
    norm_topk_prob: on,
    routed_scaling_factor: number(2.5),
    rope_interleave: on,
  })
  .transform(withTurnedHeads)

type DeepSeekV2Config = z.output<typeof v2Schema>
type DeepSeekV3Config = z.output<typeof v3Schema>
type DeepSeekConfig = DeepSeekV2Config | DeepSeekV3Config

/** How a generation differs: which features turn together, and how tokens find their experts. */
interface Generation<Config> {
  interleaved(config: Config): boolean
  route(scope: Scope, tokens: Tensor, options: RoutingOptions, config: Config): ReturnType<typeof softmaxRouting>
}

function attentionOf(config: DeepSeekConfig, interleaved: boolean, { latent }: ForwardOptions): LatentAttentionOptions {
  const { qk_nope_head_dim: plainWidth, qk_rope_head_dim: turnedWidth } = config
  return {
    heads: config.num_attention_heads,
    compressedWidth: config.kv_lora_rank,
    turnedWidth,
    plainWidth,
    valueWidth: config.v_head_dim,
    queryRank: config.q_lora_rank ?? undefined,
    bias: config.attention_bias,
    interleaved,
    scale: ropeSharpening(config) / Math.sqrt(plainWidth + turnedWidth),
    form: latent,
  }
}

/** Routed experts, and shared ones that every token goes to. */
function sparseFeedForward<Config extends DeepSeekConfig>(
  scope: Scope,
  x: Tensor,
  config: Config,
  { route }: Generation<Config>,
): Tensor {
  const { n_routed_experts, num_experts_per_tok, moe_intermediate_size, n_shared_experts, n_group, topk_group } = config
  const experts = n_routed_experts ?? 0
  const tokens = reshape(x, [-1, config.hidden_size])
  const routing = route(
    scope.child('gate'),
    tokens,
    {
      experts,
      chosen: num_experts_per_tok ?? 1,
      scale: config.routed_scaling_factor,
      groups: n_group && topk_group ? { count: n_group, chosen: topk_group } : undefined,
    },
    config,
  )
  const hidden = moe_intermediate_size ?? config.intermediate_size
  const activation = activationOf(config.hidden_act)
  const routed = mixture(scope.child('experts'), tokens, routing, experts, { hidden, activation })
  if (!n_shared_experts) return reshape(routed, x.shape)
  const shared = gatedFeedForward(scope.child('shared_experts'), x, { hidden: hidden * n_shared_experts, activation })
  return add(reshape(routed, x.shape), shared)
}

function forward<Config extends DeepSeekConfig>(
  scope: Scope,
  config: Config,
  inputs: ModelInputs,
  options: ForwardOptions,
  generation: Generation<Config>,
): ModelOutput {
  const attention = attentionOf(config, generation.interleaved(config), options)
  const dense = config.n_routed_experts ? (config.first_k_dense_replace ?? 0) : config.num_hidden_layers
  return runDecoder(scope, config, inputs, options, {
    layer: (layer, x, context) =>
      preNormLayer(layer, x, config.rms_norm_eps, {
        mix: (part, normal) =>
          latentAttention(part, normal, attention, { ...context, rotary: context.rotary as RotaryTables }),
        feedForward: (part, normal) =>
          context.index < dense
            ? denseFeedForward(part, normal, config)
            : sparseFeedForward(part, normal, config, generation),
      }),
  })
}

/** One compressed vector a token, and the part of the keys that turns. */
function cacheLayout(config: DeepSeekConfig): readonly LayerLayout[] {
  const latent = { kind: 'vectors', width: config.kv_lora_rank + config.qk_rope_head_dim } as const
  return Array.from({ length: config.num_hidden_layers }, () => ({ latent }))
}

const secondGeneration: Generation<DeepSeekV2Config> = {
  interleaved: () => true,
  route(scope, tokens, { groups, ...options }, { topk_method }) {
    const limited = topk_method === 'group_limited_greedy' ? groups : undefined
    return softmaxRouting(scope, tokens, { ...options, groups: limited })
  },
}

const thirdGeneration: Generation<DeepSeekV3Config> = {
  interleaved: ({ rope_interleave }) => rope_interleave,
  route: (scope, tokens, options, { norm_topk_prob: normalised }) =>
    biasedSigmoidRouting(scope, tokens, { ...options, normalised }),
}

/** DeepSeek-V2 and V2-Lite (arXiv:2405.04434). */
export const deepseekV2: Family<DeepSeekV2Config> = {
  modelType: 'deepseek_v2',
  architectures: ['DeepseekV2ForCausalLM'],
  config: v2Schema,
  prefix: 'model.',
  forward: (scope, config, inputs, options) => forward(scope, config, inputs, options, secondGeneration),
  head: decoderHead,
  cacheLayout,
  sizes: decoderSizes,
}

/** DeepSeek-V3 (arXiv:2412.19437) and R1 (arXiv:2501.12948), without the heads that predict further tokens. */
export const deepseekV3: Family<DeepSeekV3Config> = {
  modelType: 'deepseek_v3',
  architectures: ['DeepseekV3ForCausalLM'],
  config: v3Schema,
  prefix: 'model.',
  // A head that predicts further tokens stands behind the last layer.
  ignored: ({ num_hidden_layers }) => [new RegExp(`^model\\.layers\\.${num_hidden_layers}\\.`)],
  forward: (scope, config, inputs, options) => forward(scope, config, inputs, options, thirdGeneration),
  head: decoderHead,
  cacheLayout,
  sizes: decoderSizes,
}
