import { scoreWeight } from '../../models/scored.ts'
import { cast, greater, matmul, multiply, negate, reshape, softplus, sum, type Tensor } from '../../tensor/index.ts'
import type { Objective, Pass } from '../objective.ts'
import { chosenLessRejected, pairsOf } from './pairs.ts'

/**
 * The score of each row, f32 `[B]`: a linear head named `score.weight`, as Hugging Face's sequence classifiers have it,
 * read where the batch's weight is 1 (the last token of a row).
 */
export function rowScores({ model, scope, hidden, batch }: Pass): Tensor {
  const weight = scoreWeight(scope, model.width)
  const scores = reshape(matmul(hidden, weight, { transposeB: true }), batch.ids.shape)
  return sum(multiply(scores, batch.weights), { axes: [1] })
}

/** A reward model from preferences (Bradley and Terry 1952): −ln σ(score(chosen) − score(rejected)) over batches of pairs. */
export const reward: Objective = {
  name: 'reward',
  weight: pairsOf,
  sums(pass) {
    const margin = chosenLessRejected(rowScores(pass))
    return {
      loss: sum(softplus(negate(margin))),
      metrics: { margin: sum(margin), accuracy: sum(cast(greater(margin, 0), 'f32')) },
    }
  },
}
