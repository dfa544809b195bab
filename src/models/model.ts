import type { z } from 'zod'
import type { Cache, Head, LayerLayout, Parameter, Scope, ScopeOptions } from '../nn/index.ts'
import type { Tensor } from '../tensor/index.ts'

export type { LayerLayout } from '../nn/index.ts'

/** The tokens of a forward pass. B rows, S tokens a row. */
export interface ModelInputs {
  /** i64 `[B, S]` */
  readonly ids: Tensor
  /** i64 `[B, S]`: places in the sequence, from 0. */
  readonly positions: Tensor
  /**
   * i64 `[B, S]`: tokens see only their own segment. Padding, on either side, is −1. With a cache all that is not padding
   * continues the row.
   */
  readonly segments?: Tensor | undefined
  /** i64 `[B, S]`: which part of a pair of texts a token belongs to (BERT); 0 without it. */
  readonly types?: Tensor | undefined
  /** Earlier tokens; the step's own are added to it. Every row needs as many free places as it has tokens. */
  readonly cache?: Cache | undefined
}

export interface ForwardOptions {
  /** Positions 0 … length − 1 occur. Without it, the places of the cache's slots, or S where it is a number. */
  readonly length?: number | undefined
  /** Computes each layer's activations again in the backward pass instead of keeping them. */
  readonly checkpointing?: boolean | undefined
  /**
   * How latent attention reads its compressed keys and values: expanded for every head, or in place with the expanding
   * matrices absorbed into queries and outputs. Without it, what takes fewer operations.
   */
  readonly latent?: 'expanded' | 'absorbed' | undefined
}

export interface ModelOutput {
  /** Hidden states after the last norm, `[B, S, D]`. */
  readonly hidden: Tensor
  /** The cache with this step's tokens, where one was given. */
  readonly cache?: Cache | undefined
}

/**
 * A family of models: one function for training, prefill and decoding, and what ties it to Hugging Face's checkpoints.
 * Parameters have the checkpoints' own names, and the configuration has config.json's own keys.
 */
export interface Family<Config> {
  /** `model_type` of config.json. */
  readonly modelType: string
  /** `architectures` of config.json, the one that is written first. */
  readonly architectures: readonly [string, ...string[]]
  /** Checks config.json and fills in defaults. */
  readonly config: z.ZodType<Config>
  /** The first part of names that some checkpoints leave out and others put in front. */
  readonly prefix: string
  /** Tensors of checkpoints that are not needed here. */
  ignored?(config: Config): readonly RegExp[]
  forward(scope: Scope, config: Config, inputs: ModelInputs, options: ForwardOptions): ModelOutput
  /** The step from hidden states to logits. @throws R1Error `no-head` where the checkpoint has none */
  head(scope: Scope, config: Config, hidden: Tensor): Head
  cacheLayout(config: Config): readonly LayerLayout[]
  sizes(config: Config): ModelSizes
}

/** What callers need to know of any model. */
export interface ModelSizes {
  readonly vocabulary: number
  /** Width of the hidden states, D. */
  readonly width: number
  readonly layers: number
  /** Positions the model was made for. */
  readonly positions: number
  /** Whether there is a step to logits. */
  readonly hasHead: boolean
}

/** A family with the configuration of one model. */
export interface Model extends ModelSizes {
  /** `model_type` of config.json. */
  readonly modelType: string
  /** config.json, defaults filled in. */
  readonly config: Readonly<Record<string, unknown>>
  readonly prefix: string
  readonly ignored: readonly RegExp[]
  /** What each layer's cache keeps of a token; empty for a model without a cache. */
  readonly cacheLayout: readonly LayerLayout[]
  forward(scope: Scope, inputs: ModelInputs, options?: ForwardOptions): ModelOutput
  head(scope: Scope, hidden: Tensor): Head
  /** Every parameter of forward pass and head, under its name in checkpoints; with those that a scope's options add. */
  parameters(options?: ScopeOptions): readonly Parameter[]
}
