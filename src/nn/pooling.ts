import {
  add,
  cast,
  type Dimension,
  divide,
  greaterOrEqual,
  matmul,
  reshape,
  sqrt,
  square,
  sum,
  type Tensor,
} from '../tensor/index.ts'

/**
 * The mean of a row's hidden states, as sentence embedders use it (Reimers & Gurevych 2019, arXiv:1908.10084).
 *
 * @param hidden `[B, S, D]`
 * @param segments i64 `[B, S]`: −1 is padding and counts nothing
 * @returns `[B, D]`
 */
export function meanPool(hidden: Tensor, segments: Tensor): Tensor {
  const [batch, time] = hidden.shape as readonly [Dimension, Dimension]
  const real = reshape(cast(greaterOrEqual(segments, 0), hidden.dtype), [batch, 1, time])
  // A product, whose sums do not depend on how many rows there are.
  const total = reshape(matmul(real, hidden), [batch, hidden.shape[2] as Dimension])
  return divide(total, sum(real, { axes: [2] }))
}

/** Vectors scaled to length 1, along the last axis. */
export function normalise(x: Tensor): Tensor {
  return divide(x, sqrt(add(sum(square(x), { axes: [-1], keepDimensions: true }), 1e-24)))
}
