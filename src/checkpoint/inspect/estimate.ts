import { type Inspection, type MemoryByPrecision, wholeOf } from './inspect.ts'

/** What a model needs and at most gives in one precision. */
export interface PrecisionEstimate {
  readonly precision: keyof MemoryByPrecision
  /** Bytes: the weights, the cache of the context, and the program. */
  readonly memory: number
  /** Tokens a second for one conversation, at most; of a model that writes. */
  readonly tokensPerSecond: number | undefined
}

/** An estimate for this machine. */
export interface Estimate {
  /** Bytes a second that memory was read with. */
  readonly bandwidth: number
  /** Tokens of context that are counted. */
  readonly context: number
  /** Bytes that keys and values of one token take, in f16. */
  readonly cacheBytesPerToken: number
  readonly precisions: readonly PrecisionEstimate[]
  /** How the figures are made. */
  readonly formula: string
}

/** Bytes that Node, its modules and ONNX Runtime take, whatever the model: what `r1 bench load` finds beyond the weights. */
export const programBytes = 140e6

/** How the figures are made, in words. */
export const estimateFormula =
  `memory = weights + context × cache per token + ${programBytes / 1e6} MB for Node and ONNX Runtime; cache per token = 2 × layers × key-value heads × head dimension × 2 bytes ` +
  '(f16), or layers × (compressed rank + rotary part) × 2 bytes with latent attention; tokens/s at most = measured memory ' +
  'bandwidth / (weights read for one token + half the context of cache), since each token reads every active weight once; ' +
  'what it takes to compute comes on top, and is not estimated. An encoder keeps no cache and writes no tokens.'

type Config = Readonly<Record<string, unknown>>

/** Encoders read a text whole; they keep no keys and values and write nothing. */
const isEncoder = (config: Config): boolean => config.model_type === 'bert'

/** Bytes that keys and values of one token take in f16. */
export function cacheBytesPerToken(config: Config): number {
  if (isEncoder(config)) return 0
  const layers = wholeOf(config, 'num_hidden_layers', 'n_layer') ?? 0
  const rank = wholeOf(config, 'kv_lora_rank')
  if (rank !== undefined) return layers * (rank + (wholeOf(config, 'qk_rope_head_dim') ?? 0)) * 2
  const heads = wholeOf(config, 'num_attention_heads', 'n_head') ?? 0
  const hidden = wholeOf(config, 'hidden_size', 'n_embd') ?? 0
  const headDim = wholeOf(config, 'head_dim') ?? (heads > 0 ? hidden / heads : 0)
  return 2 * layers * (wholeOf(config, 'num_key_value_heads') ?? heads) * headDim * 2
}

/** The share of the weights that one token reads: the active ones, less an embedding that only gives one row. */
function shareRead({ parameters, activeParameters, hiddenSize, vocabularySize }: Inspection, config: Config): number {
  const table = config.tie_word_embeddings === false ? (hiddenSize ?? 0) * (vocabularySize ?? 0) : 0
  return parameters > 0 ? Math.max(0, activeParameters - table) / parameters : 1
}

/**
 * What a checkpoint needs of memory, and how many tokens a second this machine gives at most.
 *
 * @param bandwidth bytes a second, see {@link measureBandwidth}
 * @param context tokens of context to count; 4,096 or the model's, if that is shorter
 */
export function estimate(inspection: Inspection, config: Config, bandwidth: number, context?: number): Estimate {
  const counted = context ?? Math.min(4096, inspection.contextLength ?? 4096)
  const perToken = cacheBytesPerToken(config)
  const share = shareRead(inspection, config)
  const precisions = (Object.entries(inspection.memory) as [keyof MemoryByPrecision, number][]).map(
    ([precision, weights]): PrecisionEstimate => ({
      precision,
      memory: weights + counted * perToken + programBytes,
      tokensPerSecond: isEncoder(config)
        ? undefined
        : bandwidth / Math.max(1, weights * share + (counted / 2) * perToken),
    }),
  )
  return { bandwidth, context: counted, cacheBytesPerToken: perToken, precisions, formula: estimateFormula }
}
