import { tokenLogProbabilities } from '../../nn/index.ts'
import { multiply, negate, sum } from '../../tensor/index.ts'
import type { Objective } from '../objective.ts'

/** The negative entropy of the predictions, weighted: a penalty on being sure (arXiv:1701.06548). */
export const confidence: Objective = {
  name: 'confidence',
  sums({ head, batch }) {
    const { entropy } = tokenLogProbabilities(head, batch.targets)
    return { loss: negate(sum(multiply(entropy, batch.weights))) }
  },
}
