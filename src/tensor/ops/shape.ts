import { addDimensions, type Dimension, divideDimensions } from '../dimension.ts'
import { attributeViolation, broadcastViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, applyOne, defineOperator } from '../operator.ts'
import { broadcastShapes, elementCount, formatShape, normalizeAxis, type Shape, sameShape } from '../shape.ts'

import { fill } from './constant.ts'
import { sumTo } from './reduce-to.ts'

const reshapeOperator = defineOperator<{ readonly shape: Shape }>({
  name: 'reshape',
  summary: 'The same elements in another shape',
  infer([x], { shape }) {
    if (!x || elementCount(x.shape) !== elementCount(shape)) {
      throw shapeViolation(`the elements of ${formatShape(x?.shape ?? [])} do not fill ${formatShape(shape)}`)
    }
    return [{ dtype: x.dtype, shape }]
  },
  gradient: ({ inputs: [x], outputGradients: [dy] }) => [dy && x && reshape(dy, x.shape)],
  lower: (emitter, { inputs, attributes }) =>
    emitter.node('Reshape', [...inputs, emitter.reshapeShape(attributes.shape)]),
})

/**
 * The same elements in another shape.
 *
 * @param shape may hold one −1, which takes what is left
 * @throws R1Error `shape-mismatch` where the numbers of elements differ
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const unknown = shape.indexOf(-1)
  if (unknown < 0) return sameShape(x.shape, shape) ? x : applyOne(reshapeOperator, [x], { shape })
  const known = elementCount(shape.filter((_, axis) => axis !== unknown))
  const rest = divideDimensions(elementCount(x.shape), known)
  return reshape(x, shape.with(unknown, rest ?? 0))
}

const transposeOperator = defineOperator<{ readonly order: readonly number[] }>({
  name: 'transpose',
  summary: 'Axes in another order',
  infer([x], { order }) {
    const sorted = [...order].sort((left, right) => left - right)
    if (!x || order.length !== x.shape.length || sorted.some((axis, position) => axis !== position)) {
      throw attributeViolation(`[${order}] is not an order of the axes of ${formatShape(x?.shape ?? [])}`)
    }
    return [{ dtype: x.dtype, shape: order.map((axis) => x.shape[axis] as Dimension) }]
  },
  gradient({ attributes: { order }, outputGradients: [dy] }) {
    const inverse: number[] = []
    order.forEach((axis, position) => {
      inverse[axis] = position
    })
    return [dy && transpose(dy, inverse)]
  },
  lower: (emitter, { inputs, attributes }) => emitter.node('Transpose', inputs, { perm: attributes.order }),
})

/** `x` with its axes in the given order; without one the last two are swapped. */
export function transpose(x: Tensor, order?: readonly number[]): Tensor {
  const axes = x.shape.map((_, axis) => axis)
  const swapped = [...axes.slice(0, -2), ...axes.slice(-2).reverse()]
  return applyOne(transposeOperator, [x], { order: order ?? swapped })
}

const broadcastOperator = defineOperator<{ readonly shape: Shape }>({
  name: 'broadcastTo',
  summary: 'Repeated along axes of extent 1 to fill a shape',
  infer([x], { shape }) {
    const result = x && broadcastShapes(x.shape, shape)
    if (!result || !sameShape(result, shape)) throw broadcastViolation(x?.shape ?? [], shape)
    return [{ dtype: x.dtype, shape }]
  },
  gradient: ({ inputs: [x], outputGradients: [dy] }) => [dy && x && sumTo(dy, x.shape)],
  lower: (emitter, { inputs, attributes }) => emitter.node('Expand', [...inputs, emitter.shape(attributes.shape)]),
})

/** `x` repeated along its axes of extent 1, and along new ones in front, to fill `shape`. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : applyOne(broadcastOperator, [x], { shape })
}

/** A new axis of extent 1 at `axis` of the result. */
export function expandDimension(x: Tensor, axis: number): Tensor {
  const position = axis < 0 ? axis + x.rank + 1 : axis
  return reshape(x, [...x.shape.slice(0, position), 1, ...x.shape.slice(position)])
}

const concatOperator = defineOperator<{ readonly axis: number }>({
  name: 'concat',
  summary: 'Tensors one after the other along an axis',
  infer(inputs, { axis }) {
    const [first, ...rest] = inputs
    if (!first) throw shapeViolation('nothing to concatenate')
    const at = normalizeAxis(axis, first.shape.length)
    if (at === undefined) throw attributeViolation(`axis ${axis} is not one of ${formatShape(first.shape)}`)
    let extent = first.shape[at] as Dimension
    for (const other of rest) {
      if (other.dtype !== first.dtype || !sameShape(other.shape.with(at, 0), first.shape.with(at, 0))) {
        throw shapeViolation(`the inputs differ in more than axis ${axis}`)
      }
      extent = addDimensions(extent, other.shape[at] as Dimension)
    }
    return [{ dtype: first.dtype, shape: first.shape.with(at, extent) }]
  },
  gradient({ inputs, attributes: { axis }, outputGradients: [dy] }) {
    if (!dy) return []
    const extents = inputs.map((x) => x.shape.at(axis) as Dimension)
    if (extents.every((extent) => typeof extent === 'number')) return split(dy, extents as number[], axis)
    throw attributeViolation('the gradient of concat needs known extents along its axis')
  },
  lower: (emitter, { inputs, attributes }) => emitter.node('Concat', inputs, { axis: attributes.axis }),
})

/** Tensors one after the other along `axis`; all other extents are equal. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  return tensors.length === 1 ? (tensors[0] as Tensor) : applyOne(concatOperator, tensors, { axis })
}

const splitOperator = defineOperator<{ readonly extents: readonly number[]; readonly axis: number }>({
  name: 'split',
  summary: 'Parts of given extents along an axis',
  infer([x], { extents, axis }) {
    const at = normalizeAxis(axis, x?.shape.length ?? 0)
    if (!x || at === undefined) throw attributeViolation(`axis ${axis} is not one of ${formatShape(x?.shape ?? [])}`)
    const total = extents.reduce((sum, extent) => sum + extent, 0)
    if (x.shape[at] !== total) throw shapeViolation(`parts of [${extents}] do not fill ${formatShape(x.shape)}`)
    return extents.map((extent) => ({ dtype: x.dtype, shape: x.shape.with(at, extent) }))
  },
  gradient({ outputs, attributes: { axis }, outputGradients }) {
    if (outputGradients.every((dy) => !dy)) return []
    return [
      concat(
        outputs.map((y, index) => outputGradients[index] ?? fill(y.shape, 0, y.dtype)),
        axis,
      ),
    ]
  },
  lower: (emitter, { inputs, attributes: { extents, axis } }) =>
    emitter.node(
      'Split',
      [...inputs, emitter.constant('i64', [extents.length], extents)],
      { axis },
      {
        outputs: extents.length,
      },
    ),
})

/** Parts of the given extents along `axis`, which they fill. */
export function split(x: Tensor, extents: readonly number[], axis: number): readonly Tensor[] {
  return extents.length === 1 ? [x] : apply(splitOperator, [x], { extents, axis })
}
