import { tokenLogProbabilities } from '../../nn/index.ts'
import { cast, multiply, negate, sum } from '../../tensor/index.ts'
import type { Objective } from '../objective.ts'

/** Cross-entropy of the next tokens, weighted: pretraining with weights of 1, fine-tuning with prompts at 0. */
export const nextToken: Objective = {
  name: 'next-token',
  sums({ head, batch }) {
    const { logProbability } = tokenLogProbabilities(head, batch.targets)
    return { loss: negate(sum(multiply(logProbability, cast(batch.weights, logProbability.dtype)))) }
  },
}
