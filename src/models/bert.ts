import { z } from 'zod'
import { R1Error } from '../errors.ts'
import { activate, attend, embedding, embeddingTable, type Head, layerNorm, linear, type Scope } from '../nn/index.ts'
import { add, type Dimension, fill, reshape, type Tensor, zeros } from '../tensor/index.ts'
import { activation, activationOf, number, size } from './config/fields.ts'
import type { Family, ForwardOptions, ModelInputs, ModelOutput } from './model.ts'
import { type LayerContext, runStack } from './stack.ts'

const schema = z.object({
  architectures: z.array(z.string()).nullish(),
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  intermediate_size: size,
  hidden_act: activation('gelu'),
  max_position_embeddings: size,
  type_vocab_size: number(2),
  layer_norm_eps: number(1e-12),
  position_embedding_type: z.literal('absolute').nullish(),
  is_decoder: z.literal(false).nullish(),
  add_cross_attention: z.literal(false).nullish(),
})

type BertConfig = z.output<typeof schema>

/** Whether the model was saved with its head of masked tokens. */
const hasHead = ({ architectures }: BertConfig): boolean => architectures?.includes('BertForMaskedLM') ?? false

function selfAttention(scope: Scope, x: Tensor, config: BertConfig, context: LayerContext): Tensor {
  const { hidden_size: width, num_attention_heads: heads } = config
  const [batch, time] = x.shape as readonly [Dimension, Dimension]
  const project = (name: string) =>
    reshape(linear(scope.child(name), x, { inputs: width, outputs: width, bias: true }), [
      batch,
      time,
      heads,
      width / heads,
    ])
  return attend(project('query'), project('key'), project('value'), { causal: false }, context)
}

/** BERT's layer: each half is added to the residual and normed after that. */
function bertLayer(scope: Scope, x: Tensor, config: BertConfig, context: LayerContext): Tensor {
  const { hidden_size: width, intermediate_size: hidden, layer_norm_eps: epsilon, hidden_act } = config
  const output = (part: Scope, input: Tensor, inputs: number, residual: Tensor) =>
    layerNorm(
      part.child('LayerNorm'),
      add(linear(part.child('dense'), input, { inputs, outputs: width, bias: true }), residual),
      epsilon,
    )
  const mixed = selfAttention(scope.child('attention.self'), x, config, context)
  const attended = output(scope.child('attention.output'), mixed, width, x)
  const wide = linear(scope.child('intermediate.dense'), attended, { inputs: width, outputs: hidden, bias: true })
  return output(scope.child('output'), activate(wide, activationOf(hidden_act)), hidden, attended)
}

/** BERT (Devlin et al. 2018, arXiv:1810.04805): an encoder in which every token sees all of its segment. */
function forward(scope: Scope, config: BertConfig, inputs: ModelInputs, options: ForwardOptions): ModelOutput {
  const { hidden_size: width, layer_norm_eps: epsilon } = config
  const part = scope.child('embeddings')
  const types = inputs.types ?? fill(inputs.ids.shape, 0, 'i64')
  const words = embedding(part.child('word_embeddings'), inputs.ids, { vocabulary: config.vocab_size, width })
  const kinds = embedding(part.child('token_type_embeddings'), types, { vocabulary: config.type_vocab_size, width })
  const places = embedding(part.child('position_embeddings'), inputs.positions, {
    vocabulary: config.max_position_embeddings,
    width,
  })
  const x = layerNorm(part.child('LayerNorm'), add(add(words, kinds), places), epsilon)
  const layers = scope.child('encoder.layer')
  const layer = (of: Scope, input: Tensor, context: LayerContext) => bertLayer(of, input, config, context)
  return runStack(layers, x, config.num_hidden_layers, layer, inputs, options)
}

/** The head of masked tokens: a transformed hidden state against the embedding's table, and a bias for each token. */
function head(scope: Scope, config: BertConfig, hidden: Tensor): Head {
  if (!hasHead(config)) {
    throw new R1Error('no-head', 'This BERT was saved without a head: it gives hidden states, not logits.', {
      remedy: 'Use its hidden states, for example their mean as an embedding.',
    })
  }
  const { hidden_size: width, vocab_size: vocabulary, layer_norm_eps: epsilon, hidden_act } = config
  const part = scope.child('cls.predictions')
  const dense = linear(part.child('transform.dense'), hidden, { inputs: width, outputs: width, bias: true })
  return {
    hidden: layerNorm(part.child('transform.LayerNorm'), activate(dense, activationOf(hidden_act)), epsilon),
    weight: embeddingTable(scope.child('embeddings.word_embeddings'), vocabulary, width),
    bias: part.parameter('bias', [vocabulary], zeros),
  }
}

/** BERT and the sentence embedders made of it, such as all-MiniLM-L6-v2. */
export const bert: Family<BertConfig> = {
  modelType: 'bert',
  architectures: ['BertModel', 'BertForMaskedLM'],
  config: schema,
  prefix: 'bert.',
  // Tables of positions, tied copies, and heads of pretraining.
  ignored: (config) => [
    /^(bert\.)?embeddings\.position_ids$/,
    /^(bert\.)?pooler\./,
    /^cls\.seq_relationship\./,
    hasHead(config) ? /^cls\.predictions\.decoder\./ : /^cls\./,
  ],
  forward,
  head,
  cacheLayout: () => [],
  sizes: (config) => ({
    vocabulary: config.vocab_size,
    width: config.hidden_size,
    layers: config.num_hidden_layers,
    positions: config.max_position_embeddings,
    hasHead: hasHead(config),
  }),
}
