import {
  add,
  concat,
  cumulativeSum,
  custom,
  type Dimension,
  divide,
  fill,
  gather,
  iota,
  reshape,
  scatterAddElements,
  scatterElements,
  sort,
  sum,
  type Tensor,
  zerosLike,
} from '../../tensor/index.ts'

/*
 * Tokens on their way to their experts and back. T tokens, k experts of each, E experts, S = T · k rows: one for each expert
 * of each token, sorted by expert.
 */

/** Where each row comes from, where it goes to, and which expert it belongs to. */
export interface Dispatch {
  /** i64 `[S]`: the choice of each row; row i serves token order[i] / k. */
  readonly order: Tensor
  /** i64 `[T, k]`: the row of each choice. */
  readonly places: Tensor
  /** i64 `[E + 1]`: expert e owns rows offsets[e] … offsets[e + 1] − 1. */
  readonly offsets: Tensor
}

/**
 * Sorts the choices of all tokens by expert.
 *
 * @param experts i64 `[T, k]`
 * @param count number of experts, E
 */
export function dispatch(experts: Tensor, count: number): Dispatch {
  const flat = reshape(experts, [-1])
  const order = sort(flat).indices
  const ones = add(zerosLike(flat), 1)
  const load = scatterAddElements(fill([count], 0, 'i64'), flat, ones)
  const rows = scatterElements(zerosLike(order), order, iota(order.shape[0] as Dimension))
  return {
    order,
    places: reshape(rows, experts.shape),
    offsets: concat([fill([1], 0, 'i64'), cumulativeSum(load)], 0),
  }
}

/*
 * Both ways are permutations but for the k copies of a token, so that their gradients are gathers too, and sums over k.
 */

/** `[T, D]` → `[S, D]`: the tokens in the order of their experts. */
export function toExperts(x: Tensor, { order, places }: Dispatch): Tensor {
  const chosen = Number(places.shape[1])
  const [rows] = custom(
    [x, order, places],
    (x, order) => [gather(x, divide(order, chosen))],
    ([dy], [, , places]) => [dy && sum(gather(dy, places as Tensor), { axes: [1] })],
  )
  return rows as Tensor
}

/** `[S, D]` → `[T, k, D]`: what the experts made, beside each token's choices. */
export function fromExperts(y: Tensor, { order, places }: Dispatch): Tensor {
  const width = y.shape[1] as Dimension
  const [parts] = custom(
    [y, order, places],
    (y, _, places) => [gather(y, places)],
    ([dy], [, order]) => [dy && gather(reshape(dy, [-1, width]), order as Tensor)],
  )
  return parts as Tensor
}
