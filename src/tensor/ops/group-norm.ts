import type { Dimension } from '../dimension.ts'
import { shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { checked } from '../operator.ts'
import { formatShape } from '../shape.ts'
import { add, multiply, reciprocal, sqrt, square, subtract } from './elementwise.ts'
import { mean, type ReductionOptions } from './reduction.ts'
import { reshape } from './shape.ts'

/** Mean square distance from the mean over axes, divided by the number of elements. */
export function variance(x: Tensor, { axes, keepDimensions = false }: ReductionOptions = {}): Tensor {
  return mean(square(subtract(x, mean(x, { axes, keepDimensions: true }))), { axes, keepDimensions })
}

/**
 * Group norm (Wu & He 2018, arXiv:1803.08494): mean and variance over the channels of a group and all places; one group
 * is a layer norm over channels and places, as many groups as channels an instance norm.
 *
 * @param x `[B, C, n…]`
 * @param weight `[C]`
 * @param bias `[C]`
 * @param groups divides C
 */
export function groupNorm(x: Tensor, weight: Tensor, bias: Tensor, groups: number, epsilon = 1e-5): Tensor {
  const [batch, channels] = x.shape as readonly [Dimension, Dimension]
  checked('groupNorm', [x, weight, bias], () => {
    if (x.rank < 3 || typeof channels !== 'number' || channels % groups !== 0) {
      throw shapeViolation(`the channels of ${formatShape(x.shape)} do not form ${groups} groups`)
    }
    for (const table of [weight, bias]) {
      if (table.shape.join() !== String(channels)) {
        throw shapeViolation(`weight and bias must be [${channels}], not ${formatShape(table.shape)}`)
      }
    }
  })
  const rows = reshape(x, [batch, groups, -1])
  const centered = subtract(rows, mean(rows, { axes: [2], keepDimensions: true }))
  const spread = mean(square(centered), { axes: [2], keepDimensions: true })
  const normal = reshape(multiply(centered, reciprocal(sqrt(add(spread, epsilon)))), x.shape)
  const perChannel = (table: Tensor) => reshape(table, [channels, ...x.shape.slice(2).map(() => 1)])
  return add(multiply(normal, perChannel(weight)), perChannel(bias))
}
