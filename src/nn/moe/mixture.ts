import { add, type Dimension, fill, multiply, scatterElements, slice, type Tensor } from '../../tensor/index.ts'
import { type FeedForwardOptions, gatedFeedForward } from '../feed-forward.ts'
import type { Scope } from '../scope.ts'
import type { Routing } from './routing.ts'

/**
 * The outputs of each token's experts, weighted and summed. Every expert computes every token, and those it was not
 * chosen for count nothing: exact, without a limit of tokens an expert, at the cost of a dense layer of all experts.
 *
 * @param scope holds the experts by their numbers, each a gated feed-forward layer
 * @param x `[T, D]`
 * @param count number of experts
 * @returns `[T, D]`
 */
export function mixture(
  scope: Scope,
  x: Tensor,
  { experts, weights }: Routing,
  count: number,
  options: FeedForwardOptions,
): Tensor {
  const tokens = x.shape[0] as Dimension
  // The weight of every expert for every token, `[T, E]`: zero for those that were not chosen.
  const shares = scatterElements(fill([tokens, count], 0, x.dtype), experts, weights)
  const outputs = Array.from({ length: count }, (_, expert) => {
    const share = slice(shares, { 1: { start: expert, end: expert + 1 } })
    return multiply(gatedFeedForward(scope.child(String(expert)), x, options), share)
  })
  return outputs.reduce(add)
}
