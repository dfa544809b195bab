import type { Dimension } from '../dimension.ts'
import { attributeViolation, dtypeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, applyOne, defineOperator } from '../operator.ts'
import { formatShape, normalizeAxis, type TensorType } from '../shape.ts'
import { fill } from './constant.ts'
import { scatterAddElements } from './indexing.ts'

function requireAxis(x: TensorType | undefined, axis: number): TensorType {
  if (!x || normalizeAxis(axis, x.shape.length) !== axis) {
    throw attributeViolation(`axis ${axis} is not one of ${formatShape(x?.shape ?? [])}`)
  }
  if (x.dtype === 'bool') throw dtypeViolation('booleans have no order; cast them')
  return x
}

const fromFront = (x: Tensor, axis: number): number => normalizeAxis(axis, x.rank) ?? axis

type TopKAttributes = { readonly count: Dimension; readonly axis: number; readonly largest: boolean }

const topKOperator = defineOperator<TopKAttributes>({
  name: 'topK',
  summary: 'The largest or smallest elements along an axis in order, and their places',
  infer([x], { count, axis }) {
    const { dtype, shape } = requireAxis(x, axis)
    const extent = shape[axis] as Dimension
    if (typeof count === 'number') {
      if (!Number.isInteger(count) || count < 1) throw attributeViolation(`${count} is no number of elements`)
      if (typeof extent === 'number' && count > extent)
        throw attributeViolation(`axis ${axis} has ${extent}, not ${count}`)
    }
    return [
      { dtype, shape: shape.with(axis, count) },
      { dtype: 'i64', shape: shape.with(axis, count) },
    ]
  },
  gradient({ inputs: [x], outputs, outputGradients: [dy], attributes: { axis } }) {
    if (!dy || !x) return []
    return [scatterAddElements(fill(x.shape, 0, dy.dtype), outputs[1] as Tensor, dy, axis)]
  },
  lower(emitter, { inputs, attributes: { count, axis, largest } }) {
    return emitter.node('TopK', [...inputs, emitter.shape([count])], { axis, largest: largest ? 1 : 0 }, { outputs: 2 })
  },
})

/** Along which axis, and whether the largest come first (the default of `topK`) or the smallest. */
export interface TopKOptions {
  readonly axis?: number
  readonly largest?: boolean
}

/**
 * The `count` largest (or smallest) elements along an axis, the most extreme first; of equals the one in front.
 *
 * @returns the values, which carry gradients, and their places along the axis as i64
 */
export function topK(x: Tensor, count: number, { axis = -1, largest = true }: TopKOptions = {}) {
  const [values, indices] = apply(topKOperator, [x], { count, axis: fromFront(x, axis), largest })
  return { values: values as Tensor, indices: indices as Tensor }
}

/** Along which axis, and whether the largest stand first. */
export interface SortOptions {
  readonly axis?: number
  readonly descending?: boolean
}

/** All elements along an axis in order, and the places they come from; equals keep their order. */
export function sort(x: Tensor, { axis = -1, descending = false }: SortOptions = {}) {
  const at = fromFront(x, axis)
  const [values, indices] = apply(topKOperator, [x], { count: x.shape[at] ?? 0, axis: at, largest: descending })
  return { values: values as Tensor, indices: indices as Tensor }
}

/** The places (i64) from which the elements along an axis come when they are sorted. */
export function argSort(x: Tensor, options: SortOptions = {}): Tensor {
  return sort(x, options).indices
}

type ArgExtremumAttributes = { readonly axis: number; readonly keepDimensions: boolean; readonly largest: boolean }

const argExtremumOperator = defineOperator<ArgExtremumAttributes>({
  name: 'argExtremum',
  summary: 'Place of the largest or the smallest element along an axis, the first of equals',
  constant: true,
  infer([x], { axis, keepDimensions }) {
    const { shape } = requireAxis(x, axis)
    return [{ dtype: 'i64', shape: keepDimensions ? shape.with(axis, 1) : shape.toSpliced(axis, 1) }]
  },
  lower: (emitter, { inputs, attributes: { axis, keepDimensions, largest } }) =>
    emitter.node(largest ? 'ArgMax' : 'ArgMin', inputs, { axis, keepdims: keepDimensions ? 1 : 0 }),
})

/** Along which axis, and whether it stays with extent 1. */
export interface ArgExtremumOptions {
  readonly axis?: number
  readonly keepDimensions?: boolean
}

/** Place (i64) of the largest element along an axis, the first of equals. */
export function argMax(x: Tensor, { axis = -1, keepDimensions = false }: ArgExtremumOptions = {}): Tensor {
  return applyOne(argExtremumOperator, [x], { axis: fromFront(x, axis), keepDimensions, largest: true })
}

/** Place (i64) of the smallest element along an axis, the first of equals. */
export function argMin(x: Tensor, { axis = -1, keepDimensions = false }: ArgExtremumOptions = {}): Tensor {
  return applyOne(argExtremumOperator, [x], { axis: fromFront(x, axis), keepDimensions, largest: false })
}
