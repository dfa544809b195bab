import {
  cast,
  dimensionValue,
  divide,
  linearCrossEntropy,
  multiply,
  negate,
  reshape,
  sum,
  type Tensor,
} from '../tensor/index.ts'

/**
 * Cross-entropy of the next tokens under the head of a language model, without keeping the logits.
 *
 * @param hidden `[B, S, D]`
 * @param head `[V, D]`
 * @param targets i64 `[B, S]`
 * @param weights f32 `[B, S]`, for example 0 for tokens of the prompt; the mean is taken over their sum
 * @returns the mean loss in nats, a scalar
 */
export function crossEntropy(hidden: Tensor, head: Tensor, targets: Tensor, weights?: Tensor): Tensor {
  const rows = reshape(hidden, [-1, Number(hidden.shape.at(-1))])
  const { loss } = linearCrossEntropy(rows, head, reshape(targets, [-1]))
  if (!weights) return divide(sum(loss), dimensionValue(loss.shape[0] ?? 1, loss.dtype))
  const flat = cast(reshape(weights, [-1]), loss.dtype)
  return divide(sum(multiply(loss, flat)), sum(flat))
}

/**
 * Log-probabilities of given tokens, and the entropy of each distribution.
 *
 * @param hidden `[B, S, D]`
 * @param head `[V, D]`
 * @param tokens i64 `[B, S]`
 * @returns both `[B, S]`, in nats
 */
export function tokenLogProbabilities(
  hidden: Tensor,
  head: Tensor,
  tokens: Tensor,
  options: { temperature?: number } = {},
): { logProbability: Tensor; entropy: Tensor } {
  const rows = reshape(hidden, [-1, Number(hidden.shape.at(-1))])
  const { loss, entropy } = linearCrossEntropy(rows, head, reshape(tokens, [-1]), options)
  return { logProbability: reshape(negate(loss), tokens.shape), entropy: reshape(entropy, tokens.shape) }
}
