import { type LlamaConfig, llama } from '../../models/llama.ts'

/** A model and batch that `r1 bench train` measures. */
export interface TrainConfiguration {
  readonly name: string
  readonly model: LlamaConfig
  /** Sequences a step. */
  readonly batch: number
  /** Tokens a sequence. */
  readonly length: number
  /** Rank of the adapters on all linear layers, with the base frozen; full training without it. */
  readonly adapterRank?: number
}

function decoder(layers: number, width: number, heads: number, feedForward: number): LlamaConfig {
  return llama.config.parse({
    vocab_size: 256,
    hidden_size: width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: feedForward,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
  })
}

const smollm2: LlamaConfig = { ...decoder(30, 576, 9, 1536), vocab_size: 49152, num_key_value_heads: 3 }

export const trainConfigurations: readonly TrainConfiguration[] = [
  { name: 'a', model: decoder(4, 256, 4, 1024), batch: 16, length: 256 },
  { name: 'b', model: decoder(6, 384, 6, 1536), batch: 16, length: 256 },
  { name: 'smollm2-full', model: smollm2, batch: 2, length: 256 },
  { name: 'smollm2-lora', model: smollm2, batch: 2, length: 256, adapterRank: 8 },
]

/** Linear layers of the decoder: those that get adapters. */
export const linearLayers = /\.(q|k|v|o|gate|up|down)_proj$/

/**
 * Floating-point operations of a step: 6 a parameter of the products and token, 4 where weights are frozen, and the
 * products of attention over the full square, three times for forward and backward.
 */
export function stepOperations({ model, batch, length, adapterRank }: TrainConfiguration): number {
  const { hidden_size: width, num_attention_heads: heads, num_key_value_heads: keyValueHeads } = model
  const { head_dim: headWidth, intermediate_size: feedForward, num_hidden_layers: layers, vocab_size } = model
  const projections = width * headWidth * (2 * heads + 2 * keyValueHeads) + 3 * width * feedForward
  const parameters = layers * projections + vocab_size * width
  const tokens = batch * length
  const attention = 4 * batch * heads * length * length * headWidth * layers
  return (adapterRank ? 4 : 6) * parameters * tokens + 3 * attention
}
