import { type Dimension, multiplyDimensions } from '../dimension.ts'
import { attributeViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { checked } from '../operator.ts'
import { formatShape, normalizeAxis } from '../shape.ts'
import { broadcastTo, concat, expandDimension, reshape } from './shape.ts'

function axisOf(name: string, x: Tensor, axis: number): number {
  return checked(name, [x], () => {
    const at = normalizeAxis(axis, x.rank)
    if (at === undefined) throw attributeViolation(`axis ${axis} is not one of ${formatShape(x.shape)}`)
    return at
  })
}

function requireCount(name: string, x: Tensor, count: number): void {
  checked(name, [x], () => {
    if (!Number.isInteger(count) || count < 1) throw attributeViolation(`${count} is no number of copies`)
  })
}

/** `x` laid `count` times end to end along `axis`. */
export function tile(x: Tensor, count: number, axis: number): Tensor {
  const at = axisOf('tile', x, axis)
  requireCount('tile', x, count)
  const copies = expandDimension(x, at)
  return reshape(broadcastTo(copies, copies.shape.with(at, count)), repeatedShape(x, at, count))
}

/** Each slice of `x` along `axis` `count` times in a row. */
export function repeat(x: Tensor, count: number, axis: number): Tensor {
  const at = axisOf('repeat', x, axis)
  requireCount('repeat', x, count)
  const copies = expandDimension(x, at + 1)
  return reshape(broadcastTo(copies, copies.shape.with(at + 1, count)), repeatedShape(x, at, count))
}

function repeatedShape(x: Tensor, axis: number, count: number): readonly Dimension[] {
  return x.shape.with(axis, multiplyDimensions(x.shape[axis] as Dimension, count))
}

/** Tensors of one shape side by side along a new axis at `axis` of the result. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  return concat(
    tensors.map((tensor) => expandDimension(tensor, axis)),
    axis,
  )
}

/** `x` without the given axes, each of extent 1; without any that have extent 1 where none are given. */
export function squeeze(x: Tensor, axes?: readonly number[]): Tensor {
  const gone =
    axes?.map((axis) => axisOf('squeeze', x, axis)) ?? x.shape.flatMap((extent, axis) => (extent === 1 ? [axis] : []))
  checked('squeeze', [x], () => {
    const wide = gone.find((axis) => x.shape[axis] !== 1)
    if (wide !== undefined) throw shapeViolation(`axis ${wide} has extent ${x.shape[wide]}, not 1`)
  })
  return reshape(
    x,
    x.shape.filter((_, axis) => !gone.includes(axis)),
  )
}
