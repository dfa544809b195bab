import {
  embedding,
  embeddingTable,
  gatedFeedForward,
  rmsNorm,
  rotaryFrequencies,
  rotaryTables,
  type Scope,
  selfAttention,
} from '../nn/index.ts'
import { add, checkpoint, normal, type Tensor } from '../tensor/index.ts'

/** Sizes of a Llama-style decoder, in the words of Hugging Face's config. */
export interface LlamaConfig {
  readonly vocabularySize: number
  readonly hiddenSize: number
  readonly layers: number
  readonly heads: number
  readonly keyValueHeads: number
  readonly headWidth: number
  readonly intermediateSize: number
  readonly ropeTheta: number
  readonly normEpsilon: number
  /** The head shares the embedding's table. */
  readonly tiedEmbeddings: boolean
}

export interface LlamaInputs {
  /** i64 `[B, S]` */
  readonly ids: Tensor
  /** i64 `[B, S]` */
  readonly positions: Tensor
  /** i64 `[B, S]`: tokens see only their own segment (packing, padding). */
  readonly segments?: Tensor
}

export interface LlamaOptions {
  /** Positions 0 … length − 1 occur. */
  readonly length: number
  /** Computes each layer's activations again in the backward pass instead of keeping them. */
  readonly checkpointing?: boolean
}

/**
 * Llama's decoder (Touvron et al. 2023, arXiv:2302.13971) up to the last norm.
 *
 * @param scope parameters as in a Hugging Face checkpoint of `LlamaForCausalLM`
 * @returns hidden states `[B, S, D]`
 */
export function llama(scope: Scope, config: LlamaConfig, inputs: LlamaInputs, options: LlamaOptions): Tensor {
  const { hiddenSize: width, heads, keyValueHeads, headWidth, intermediateSize, normEpsilon } = config
  const model = scope.child('model')
  const rotary = rotaryTables(rotaryFrequencies(headWidth, config.ropeTheta), options.length)
  const { positions, segments } = inputs
  let x = embedding(model.child('embed_tokens'), inputs.ids, { vocabulary: config.vocabularySize, width })
  for (let layer = 0; layer < config.layers; layer++) {
    const part = model.child(`layers.${layer}`)
    const block = (): Tensor => {
      const mixed = selfAttention(part.child('self_attn'), rmsNorm(part.child('input_layernorm'), x, normEpsilon), {
        heads,
        keyValueHeads,
        headWidth,
        rotary,
        positions,
        segments,
      })
      const residual = add(x, mixed)
      const normal = rmsNorm(part.child('post_attention_layernorm'), residual, normEpsilon)
      return add(residual, gatedFeedForward(part.child('mlp'), normal, intermediateSize))
    }
    x = options.checkpointing ? checkpoint(`layers.${layer}`, block) : block()
  }
  return rmsNorm(model.child('norm'), x, normEpsilon)
}

/** The head `[V, D]`: a table of its own, or the embedding's. */
export function llamaHead(scope: Scope, config: LlamaConfig): Tensor {
  return config.tiedEmbeddings
    ? embeddingTable(scope.child('model.embed_tokens'), config.vocabularySize, config.hiddenSize)
    : scope.parameter('lm_head.weight', [config.vocabularySize, config.hiddenSize], normal(0.02))
}
