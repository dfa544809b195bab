import { type Dimension, expertDispatch, groupedMatmul, multiply, reshape, type Tensor } from '../../tensor/index.ts'
import { activateGated } from '../activation.ts'
import type { FeedForwardOptions } from '../feed-forward.ts'
import { linearMatrix } from '../linear.ts'
import type { Scope } from '../scope.ts'
import { fromExperts, toExperts } from './dispatch.ts'
import type { Routing } from './routing.ts'
import { sumChosen } from './sum-chosen.ts'

/**
 * The outputs of each token's experts, weighted and summed. Tokens are sorted by expert, so that an expert computes those it
 * was chosen for, however many: exact, without a limit of tokens an expert (as in MegaBlocks, arXiv:2211.15841).
 *
 * @param scope holds the experts by their numbers, each a gated feed-forward layer without biases
 * @param x `[T, D]`
 * @param count number of experts
 * @returns `[T, D]`
 */
export function mixture(
  scope: Scope,
  x: Tensor,
  { experts, weights }: Routing,
  count: number,
  { hidden, activation = 'silu' }: Omit<FeedForwardOptions, 'bias'>,
): Tensor {
  const [tokens, chosen] = experts.shape as readonly [Dimension, Dimension]
  const width = Number(x.shape.at(-1))
  const plan = expertDispatch(experts, count)
  const project = (name: string, rows: Tensor, inputs: number, outputs: number): Tensor => {
    const matrices = Array.from({ length: count }, (_, expert) =>
      linearMatrix(scope.child(String(expert)).child(name), { inputs, outputs }),
    )
    return groupedMatmul(rows, matrices, plan.offsets, { transposeB: true })
  }
  const rows = toExperts(x, plan)
  const gated = activateGated(
    project('gate_proj', rows, width, hidden),
    project('up_proj', rows, width, hidden),
    activation,
  )
  const parts = fromExperts(project('down_proj', gated, hidden, width), plan)
  return reshape(sumChosen(multiply(parts, reshape(weights, [tokens, chosen, 1]))), [tokens, width])
}
