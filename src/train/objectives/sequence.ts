import { tokenLogProbabilities } from '../../nn/index.ts'
import { multiply, sum, type Tensor } from '../../tensor/index.ts'
import type { Pass } from '../objective.ts'

/** Log-probability of the weighted targets of each row, f32 `[B]`. */
export function rowLogProbabilities({ head, batch }: Pass): Tensor {
  const { logProbability } = tokenLogProbabilities(head, batch.targets)
  return sum(multiply(logProbability, batch.weights), { axes: [1] })
}
