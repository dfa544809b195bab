import { tokenLogProbabilities } from '../../nn/index.ts'
import { multiply, negate, reshape, slice, subtract, sum, type Tensor } from '../../tensor/index.ts'
import type { Batch } from '../batch.ts'
import type { Objective } from '../objective.ts'

/*
 * Batches of preferences: rows 0, 2, 4 … are what was chosen, rows 1, 3, 5 … what was rejected for the same prompt.
 */

/** The chosen (0) or the rejected (1) ones: `[B]` to `[B/2]`. */
function column(rows: Tensor, at: 0 | 1): Tensor {
  return reshape(slice(reshape(rows, [-1, 2]), { 1: { start: at, end: at + 1 } }), [-1])
}

/** Chosen less rejected: `[B]` to `[B/2]`. */
export const chosenLessRejected = (rows: Tensor): Tensor => subtract(column(rows, 0), column(rows, 1))

/** How many pairs a batch has. */
export const pairsOf = ({ ids }: Batch): number => (ids.shape[0] ?? 0) / 2

/** Cross-entropy of the chosen answers alone: keeps them likely while the rejected ones are pushed away. */
export const chosenNextToken: Objective = {
  name: 'next-token',
  weight: pairsOf,
  sums({ head, batch }) {
    const { logProbability } = tokenLogProbabilities(head, batch.targets)
    return { loss: negate(sum(column(sum(multiply(logProbability, batch.weights), { axes: [1] }), 0))) }
  },
}
