import { cast, greater, multiply, negate, softplus, subtract, sum, type Tensor } from '../../tensor/index.ts'
import type { Objective } from '../objective.ts'
import { chosenLessRejected, pairsOf } from './pairs.ts'
import { rowLogProbabilities } from './sequence.ts'

/**
 * Direct preference optimisation (arXiv:2305.18290): −ln σ(β((ln π − ln π₀)(chosen) − (ln π − ln π₀)(rejected))) over
 * batches of pairs with `reference`, f32 `[B]`: ln π₀ of each row's weighted targets under the model that training began
 * with.
 */
export function dpo({ beta = 0.1 }: { readonly beta?: number } = {}): Objective {
  return {
    name: 'dpo',
    weight: pairsOf,
    sums(pass) {
      const ratios = subtract(rowLogProbabilities(pass), pass.batch.reference as Tensor)
      const margin = multiply(chosenLessRejected(ratios), beta)
      return {
        loss: sum(softplus(negate(margin))),
        metrics: { margin: sum(margin), accuracy: sum(cast(greater(margin, 0), 'f32')), drift: negate(sum(ratios)) },
      }
    },
  }
}
