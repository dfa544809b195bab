import { multiplyDimensions } from '../../tensor/dimension.ts'
import {
  add,
  type Dimension,
  dimensionValue,
  divide,
  fill,
  gather,
  iota,
  maximum,
  multiply,
  reshape,
  scatterAddRows,
  type Tensor,
} from '../../tensor/index.ts'

/**
 * The mean over the counted tokens of each completion, at each of its tokens. Each token of a batch has a place of its own that
 * a completion may sum into, so that memory grows with the tokens alone.
 *
 * @param segments i64 `[B, S]`: completions of a row by number, below S; −1 is padding
 * @param counted f32 `[B, S]`: 1 for the tokens that count
 * @returns a function of f32 `[B, S]` to `[B, S]`; at padding it is of no use
 */
export function completionMeans(segments: Tensor, counted: Tensor): (values: Tensor) => Tensor {
  const [rows, length] = segments.shape as readonly [Dimension, Dimension]
  const starts = multiply(reshape(iota(rows), [rows, 1]), dimensionValue(length, 'i64'))
  // Padding sums into the row's first place, nothing: it does not count.
  const places = add(starts, maximum(segments, 0))
  const empty = fill([multiplyDimensions(rows, length), 1], 0)
  const sums = (values: Tensor) =>
    reshape(gather(scatterAddRows(empty, places, reshape(values, [rows, length, 1])), places), [rows, length])
  const lengths = maximum(sums(counted), 1)
  return (values) => divide(sums(multiply(values, counted)), lengths)
}
