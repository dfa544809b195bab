/** What a loss of tokens is divided by. */
export interface AggregationOptions {
  /** Most tokens of a completion, L: the constant of `constant`. */
  readonly longest: number
}

/**
 * The weight of each token of each completion, so that a loss is a plain weighted sum of its tokens.
 *
 * @param lengths tokens of each completion that counts; 0 leaves one out
 */
export type Aggregation = (lengths: readonly number[], options: AggregationOptions) => number[]

const present = (lengths: readonly number[]): number => lengths.filter((length) => length > 0).length

/** Aggregations by name. */
export const aggregations = {
  /** Mean over completions of the mean over tokens: 1 / (N·|o|) (arXiv:2402.03300). Long wrong answers cost little a token. */
  'sequence-mean': (lengths) => lengths.map((length) => (length > 0 ? 1 / (present(lengths) * length) : 0)),
  /** Mean over all tokens: 1 / Σ|o| (arXiv:2503.14476). */
  'token-mean': (lengths) => {
    const total = lengths.reduce((sum, length) => sum + length, 0)
    return lengths.map((length) => (length > 0 ? 1 / total : 0))
  },
  /** Sum over tokens by a constant: 1 / (N·L) (arXiv:2503.20783), free of any bias by length. */
  constant: (lengths, { longest }) => lengths.map((length) => (length > 0 ? 1 / (present(lengths) * longest) : 0)),
} as const satisfies Record<string, Aggregation>

export type AggregationName = keyof typeof aggregations

export const aggregationNames = Object.keys(aggregations) as readonly AggregationName[]

/** What an algorithm was published with: GSPO with the mean over sequences, Dr. GRPO with a constant, DAPO with all tokens. */
export function publishedAggregation(loss: string, advantages: unknown): AggregationName {
  if (loss === 'gspo') return 'sequence-mean'
  return advantages === 'dr-grpo' ? 'constant' : 'token-mean'
}
