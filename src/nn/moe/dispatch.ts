import {
  custom,
  type Dimension,
  divide,
  type ExpertOrder,
  gather,
  reshape,
  sum,
  type Tensor,
} from '../../tensor/index.ts'

/*
 * Tokens on their way to their experts and back. T tokens, k experts of each, E experts, S = T · k rows: one for each expert
 * of each token, sorted by expert.
 */

/*
 * Both ways are permutations but for the k copies of a token, so that their gradients are gathers too, and sums over k.
 */

/** `[T, D]` → `[S, D]`: the tokens in the order of their experts. */
export function toExperts(x: Tensor, { order, places }: ExpertOrder): Tensor {
  const chosen = Number(places.shape[1])
  const [rows] = custom(
    [x, order, places],
    (x, order) => [gather(x, divide(order, chosen))],
    ([dy], [, , places]) => [dy && sum(gather(dy, places as Tensor), { axes: [1] })],
  )
  return rows as Tensor
}

/** `[S, D]` → `[T, k, D]`: what the experts made, beside each token's choices. */
export function fromExperts(y: Tensor, { order, places }: ExpertOrder): Tensor {
  const width = y.shape[1] as Dimension
  const [parts] = custom(
    [y, order, places],
    (y, _, places) => [gather(y, places)],
    ([dy], [, order]) => [dy && gather(reshape(dy, [-1, width]), order as Tensor)],
  )
  return parts as Tensor
}
