import type { Tensor } from '../graph.ts'
import { type Shape, sameShape } from '../shape.ts'
import { sum } from './reduction.ts'
import { reshape } from './shape.ts'

/** Sums `gradient` over the axes along which a tensor of `shape` was broadcast. */
export function sumTo(gradient: Tensor, shape: Shape): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient
  const added = gradient.rank - shape.length
  const axes = gradient.shape.flatMap((extent, axis) =>
    axis < added || (shape[axis - added] === 1 && extent !== 1) ? [axis] : [],
  )
  return reshape(axes.length > 0 ? sum(gradient, { axes, keepDimensions: true }) : gradient, shape)
}
