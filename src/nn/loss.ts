import {
  cast,
  dimensionValue,
  divide,
  exp,
  gatherElements,
  linearCrossEntropy,
  logSoftmax,
  multiply,
  negate,
  reshape,
  sum,
  type Tensor,
  type TokenLosses,
} from '../tensor/index.ts'
import { type Head, logitsOf } from './head.ts'

/** −ln p and entropy of the targets: in one operator that keeps no logits, unless the head bends them. */
function tokenLosses(head: Head, targets: Tensor, temperature = 1): TokenLosses {
  const rows: Head = { ...head, hidden: reshape(head.hidden, [-1, Number(head.hidden.shape.at(-1))]) }
  const flat = reshape(targets, [-1])
  if (!head.bias && !head.softcap) return linearCrossEntropy(rows.hidden, head.weight, flat, { temperature })
  const logP = logSoftmax(divide(logitsOf(rows), temperature))
  return {
    loss: negate(reshape(gatherElements(logP, reshape(flat, [-1, 1])), flat.shape)),
    entropy: negate(sum(multiply(exp(logP), logP), { axes: [1] })),
  }
}

/**
 * Cross-entropy of the next tokens under the head of a language model.
 *
 * @param head with hidden states `[B, S, D]`
 * @param targets i64 `[B, S]`
 * @param weights f32 `[B, S]`, for example 0 for tokens of the prompt; the mean is taken over their sum
 * @returns the mean loss in nats, a scalar
 */
export function crossEntropy(head: Head, targets: Tensor, weights?: Tensor): Tensor {
  const { loss } = tokenLosses(head, targets)
  if (!weights) return divide(sum(loss), dimensionValue(loss.shape[0] ?? 1, loss.dtype))
  const flat = cast(reshape(weights, [-1]), loss.dtype)
  return divide(sum(multiply(loss, flat)), sum(flat))
}

/**
 * Log-probabilities of given tokens, and the entropy of each distribution.
 *
 * @param head with hidden states `[B, S, D]`
 * @param tokens i64 `[B, S]`
 * @returns both `[B, S]`, in nats
 */
export function tokenLogProbabilities(
  head: Head,
  tokens: Tensor,
  options: { temperature?: number } = {},
): { logProbability: Tensor; entropy: Tensor } {
  const { loss, entropy } = tokenLosses(head, tokens, options.temperature)
  return { logProbability: reshape(negate(loss), tokens.shape), entropy: reshape(entropy, tokens.shape) }
}
