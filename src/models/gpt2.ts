import { z } from 'zod'
import { activate, attend, embedding, embeddingTable, layerNorm, linear, type Scope } from '../nn/index.ts'
import { add, type Dimension, normal, reshape, split, type Tensor } from '../tensor/index.ts'
import { activation, activationOf, number, off, on, size } from './config/fields.ts'
import { keyValueLayout } from './decoder.ts'
import type { Family, ForwardOptions, ModelInputs, ModelOutput } from './model.ts'
import { type LayerContext, runStack } from './stack.ts'

const schema = z.object({
  vocab_size: size,
  n_positions: size,
  n_embd: size,
  n_layer: size,
  n_head: size,
  n_inner: size.nullish(),
  activation_function: activation('gelu_new'),
  layer_norm_epsilon: number(1e-5),
  scale_attn_weights: on,
  scale_attn_by_inverse_layer_idx: off,
  add_cross_attention: z.literal(false).nullish(),
  tie_word_embeddings: on,
})

type Gpt2Config = z.output<typeof schema>

/** Queries, keys and values come from one product; its weight is `[inputs, outputs]`, as all of GPT-2's are. */
function selfAttention(scope: Scope, x: Tensor, config: Gpt2Config, context: LayerContext): Tensor {
  const { n_embd: width, n_head: heads, scale_attn_weights, scale_attn_by_inverse_layer_idx } = config
  const [batch, time] = x.shape as readonly [Dimension, Dimension]
  const joined = linear(scope.child('c_attn'), x, { inputs: width, outputs: 3 * width, bias: true, transposed: true })
  const [q, k, v] = split(joined, [width, width, width], 2).map((part) =>
    reshape(part, [batch, time, heads, width / heads]),
  ) as [Tensor, Tensor, Tensor]
  const scale =
    (scale_attn_weights ? (width / heads) ** -0.5 : 1) / (scale_attn_by_inverse_layer_idx ? context.index + 1 : 1)
  const mixed = attend(q, k, v, { scale }, context)
  return linear(scope.child('c_proj'), mixed, { inputs: width, outputs: width, bias: true, transposed: true })
}

function feedForward(scope: Scope, x: Tensor, config: Gpt2Config): Tensor {
  const { n_embd: width, n_inner, activation_function } = config
  const hidden = n_inner ?? 4 * width
  const wide = linear(scope.child('c_fc'), x, { inputs: width, outputs: hidden, bias: true, transposed: true })
  return linear(scope.child('c_proj'), activate(wide, activationOf(activation_function)), {
    inputs: hidden,
    outputs: width,
    bias: true,
    transposed: true,
  })
}

/** GPT-2 (Radford et al. 2019): learned positions, layer norms before each half. */
function forward(scope: Scope, config: Gpt2Config, inputs: ModelInputs, options: ForwardOptions): ModelOutput {
  const { n_embd: width, vocab_size: vocabulary, layer_norm_epsilon: epsilon } = config
  const model = scope.child('transformer')
  const tokens = embedding(model.child('wte'), inputs.ids, { vocabulary, width })
  const places = embedding(model.child('wpe'), inputs.positions, { vocabulary: config.n_positions, width })
  const stack = runStack(
    model.child('h'),
    add(tokens, places),
    config.n_layer,
    (layer, x, context) => {
      const residual = add(
        x,
        selfAttention(layer.child('attn'), layerNorm(layer.child('ln_1'), x, epsilon), config, context),
      )
      return add(residual, feedForward(layer.child('mlp'), layerNorm(layer.child('ln_2'), residual, epsilon), config))
    },
    inputs,
    options,
  )
  return { ...stack, hidden: layerNorm(model.child('ln_f'), stack.hidden, epsilon) }
}

export const gpt2: Family<Gpt2Config> = {
  modelType: 'gpt2',
  architectures: ['GPT2LMHeadModel'],
  config: schema,
  prefix: 'transformer.',
  // Masks that older files keep beside the weights.
  ignored: () => [/^(transformer\.)?h\.\d+\.attn\.(masked_)?bias$/],
  forward,
  head: (scope, { vocab_size, n_embd, tie_word_embeddings }, hidden) => ({
    hidden,
    weight: tie_word_embeddings
      ? embeddingTable(scope.child('transformer.wte'), vocab_size, n_embd)
      : scope.parameter('lm_head.weight', [vocab_size, n_embd], normal(0.02)),
  }),
  cacheLayout({ n_layer, n_head, n_embd }) {
    return keyValueLayout(n_layer, n_head, n_embd / n_head)
  },
  sizes: (config) => ({
    vocabulary: config.vocab_size,
    width: config.n_embd,
    layers: config.n_layer,
    positions: config.n_positions,
    hasHead: true,
  }),
}
