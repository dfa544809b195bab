import type { Tensor } from './graph.ts'
import { isFiniteNumber } from './ops/bounded.ts'
import { constant } from './ops/constant.ts'
import { add, and, divide, greaterOrEqual, maximum, multiply, not, where } from './ops/elementwise.ts'
import { concat, reshape } from './ops/shape.ts'
import { slice } from './ops/slice.ts'
import { assign } from './trace.ts'
import { ones, variable, zeros } from './variable.ts'

export interface LossScalingOptions {
  /** Factor at the first step; a power of two loses no digits. */
  readonly initial?: number
  /** Steps without overflow after which the factor doubles; none for a factor that stays as it is. */
  readonly growthInterval?: number | 'static'
  /** Name of the variables that hold the state. */
  readonly name?: string
}

/** What scales the loss, and learns of overflows. */
export interface LossScaling {
  /** The factor of this step, a scalar. */
  readonly factor: Tensor
  /** The loss times the factor: differentiate this. */
  scale(loss: Tensor): Tensor
  /** The hyper-parameters of `adamW` or `sgd`, whose last entry then undoes the factor in the gradients. */
  unscale(hyper: Tensor): Tensor
  /** Sets the factor of the next step: halved where the norm is not finite (the optimiser then skipped the step). */
  update(norm: Tensor): void
}

/**
 * Loss scaling: small gradients stay above the smallest f16 number while they pass through f16 products. The factor is
 * halved at an overflow and doubled after many steps without one (Micikevicius et al. 2017, arXiv:1710.03740).
 */
export function lossScaling(options: LossScalingOptions = {}): LossScaling {
  const { initial = 65536, growthInterval = 2000, name = 'loss_scaling' } = options
  const scalar = { dtype: 'f32', shape: [] } as const
  const dynamic = growthInterval !== 'static'
  const relative = dynamic ? variable(`${name}.relative_factor`, scalar, ones) : undefined
  const factor = relative ? multiply(relative, initial) : constant(initial)
  return {
    factor,
    scale: (loss) => multiply(loss, factor),
    unscale(hyper) {
      const last = Number(hyper.shape[0]) - 1
      const scale = divide(slice(hyper, { 0: { start: last } }), reshape(factor, [1]))
      return concat([slice(hyper, { 0: { end: last } }), scale], 0)
    },
    update(norm) {
      if (!relative || growthInterval === 'static') return
      const steps = variable(`${name}.good_steps`, scalar, zeros)
      const finite = isFiniteNumber(norm)
      const counted = add(steps, 1)
      const grows = greaterOrEqual(counted, growthInterval)
      // Below 1 scaling would do harm: the gradients themselves are not finite then.
      const halved = maximum(multiply(relative, 0.5), 1 / initial)
      assign(relative, where(finite, where(grows, multiply(relative, 2), relative), halved))
      assign(steps, where(and(finite, not(grows)), counted, 0))
    },
  }
}
