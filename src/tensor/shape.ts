import { type Dimension, multiplyDimensions } from './dimension.ts'
import type { DType } from './dtype.ts'

/** Extents of a tensor, outermost first; `[]` is a scalar. */
export type Shape = readonly Dimension[]

/** What is known of a tensor before it has values. */
export interface TensorType {
  readonly dtype: DType
  readonly shape: Shape
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`
}

/** `f32[2, batch]`, as error messages show it. */
export function formatType(type: TensorType): string {
  return `${type.dtype}${formatShape(type.shape)}`
}

export function sameShape(left: Shape, right: Shape): boolean {
  return left.length === right.length && left.every((extent, axis) => extent === right[axis])
}

/** Number of elements: a number, or a dimension when an extent is named. */
export function elementCount(shape: Shape): Dimension {
  return shape.reduce<Dimension>(multiplyDimensions, 1)
}

/** NumPy's broadcasting of two shapes, or undefined where they do not fit. */
export function broadcastShapes(left: Shape, right: Shape): Shape | undefined {
  const rank = Math.max(left.length, right.length)
  const result: Dimension[] = []
  for (let axis = 0; axis < rank; axis++) {
    const first = left[axis - rank + left.length] ?? 1
    const second = right[axis - rank + right.length] ?? 1
    if (first !== second && first !== 1 && second !== 1) return undefined
    result.push(first === 1 ? second : first)
  }
  return result
}

/** `axis` counted from the front; negative axes count from the end. Undefined where it is out of range. */
export function normalizeAxis(axis: number, rank: number): number | undefined {
  const normal = axis < 0 ? axis + rank : axis
  return Number.isInteger(normal) && normal >= 0 && normal < rank ? normal : undefined
}
