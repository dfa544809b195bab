import { add, exp, multiply, negate, sum, type Tensor, zeros } from '../../tensor/index.ts'
import type { Objective } from '../objective.ts'

/** Objectives whose losses are added up, each with its share. */
export interface WeightedOptions {
  readonly parts: readonly { readonly objective: Objective; readonly weight?: number }[]
  /** Whether the shares are learned (arXiv:1705.07115): e^(−s)·loss + s for each part, s a trained number that begins at 0. */
  readonly learned?: boolean
}

/**
 * Several objectives at once, over the same batches and with the weight of the first. Each part's own loss is a metric of
 * its name.
 */
export function weighted({ parts, learned = false }: WeightedOptions): Objective {
  const [first] = parts
  return {
    name: 'weighted',
    ...(first?.objective.weight && { weight: first.objective.weight }),
    sums(pass) {
      const metrics: Record<string, Tensor> = {}
      const losses = parts.map(({ objective, weight = 1 }) => {
        const sums = objective.sums(pass)
        Object.assign(metrics, sums.metrics, { [objective.name]: sums.loss })
        if (!learned) return multiply(sums.loss, weight)
        const s = pass.scope.parameter(`objective.${objective.name}`, [1], zeros)
        return add(
          multiply(multiply(sums.loss, exp(negate(sum(s)))), weight),
          multiply(sum(s), sum(pass.batch.weights)),
        )
      })
      return { loss: losses.reduce((total, loss) => add(total, loss)), metrics }
    },
  }
}
