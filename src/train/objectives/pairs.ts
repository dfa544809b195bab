import { reshape, slice, subtract, type Tensor } from '../../tensor/index.ts'
import type { Batch } from '../batch.ts'

/*
 * Batches of preferences: rows 0, 2, 4 … are what was chosen, rows 1, 3, 5 … what was rejected for the same prompt.
 */

/** Chosen less rejected: `[B]` to `[B/2]`. */
export function chosenLessRejected(rows: Tensor): Tensor {
  const pairs = reshape(rows, [-1, 2])
  const column = (at: number) => reshape(slice(pairs, { 1: { start: at, end: at + 1 } }), [-1])
  return subtract(column(0), column(1))
}

/** How many pairs a batch has. */
export const pairsOf = ({ ids }: Batch): number => (ids.shape[0] ?? 0) / 2
