import type { Dimension } from '../dimension.ts'
import type { Tensor } from '../graph.ts'
import { dimensionValue } from './constant.ts'
import { cumulativeSum } from './cumulative.ts'
import { add, and, cast, equal, greaterOrEqual, less, multiply, subtract, where } from './elementwise.ts'
import { gather, iota } from './indexing.ts'
import { sum } from './reduction.ts'
import { scatterRows } from './scatter.ts'
import { reshape } from './shape.ts'

/*
 * Where the tokens of one step go in a cache of R slots with T places each. B rows, S tokens a row.
 */

/** The rows of a step over a cache. */
export interface StepRows {
  /** i64 `[B]`: places taken of each row before the step. */
  readonly lengths: Tensor
  /** i64 `[B]`: the slot of each row, every slot at most once; without it row b has slot b. */
  readonly slots?: Tensor | undefined
  /** i64 `[B, S]`: −1 is padding, in front of a row's tokens or behind them; without it there is none. */
  readonly segments?: Tensor | undefined
}

/** How a step's tokens lie between padding. */
export interface StepSpan {
  /** i64 `[B]`: padding in front of each row's tokens; undefined is none. */
  readonly front: Tensor | undefined
  /** i64 `[B]` or a scalar: tokens that are not padding. */
  readonly count: Tensor
}

export function stepSpan(segments: Tensor | undefined, time: Dimension): StepSpan {
  if (!segments) return { front: undefined, count: dimensionValue(time, 'i64') }
  const real = cast(greaterOrEqual(segments, 0), 'i64')
  return {
    front: sum(cast(equal(cumulativeSum(real, 1), 0), 'i64'), { axes: [1] }),
    count: sum(real, { axes: [1] }),
  }
}

/** What a buffer `[R, …]` holds for the rows of a step: `[B, …]`. */
export function slotRows(buffer: Tensor, { slots }: StepRows): Tensor {
  return slots ? gather(buffer, slots) : buffer
}

/** The buffer with the rows of a step in the place of what it held for them. */
export function withSlotRows(buffer: Tensor, { slots }: StepRows, rows: Tensor): Tensor {
  return slots ? scatterRows(buffer, slots, rows) : rows
}

/**
 * Earlier rows with those of the step behind them; padding is left out.
 *
 * @param earlier `[B, T, …]`
 * @param rows `[B, S, …]`
 * @returns `[B, T, …]`
 */
export function appendRows(earlier: Tensor, rows: Tensor, { lengths, segments }: StepRows): Tensor {
  const [batch, time, ...rest] = rows.shape as readonly Dimension[] as [Dimension, Dimension, ...Dimension[]]
  const places = earlier.shape[1] as Dimension
  const column = (tensor: Tensor) => (tensor.rank === 0 ? tensor : reshape(tensor, [batch, 1]))
  const { front, count } = stepSpan(segments, time)
  // Of each place: which of the step's tokens stands there.
  const token = subtract(reshape(iota(places), [1, places]), column(lengths))
  const isNew = and(greaterOrEqual(token, 0), less(token, column(count)))
  const wide = reshape(isNew, [batch, places, ...rest.map(() => 1)])
  const narrow = cast(rows, earlier.dtype)
  if (time === 1) return where(wide, narrow, earlier)
  const source = where(isNew, front ? add(token, column(front)) : token, 0)
  const begins = reshape(multiply(iota(batch), dimensionValue(time, 'i64')), [batch, 1])
  return where(wide, gather(reshape(narrow, [-1, ...rest]), add(source, begins)), earlier)
}
