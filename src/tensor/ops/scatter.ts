import { type Dimension, multiplyDimensions } from '../dimension.ts'
import { attributeViolation, dtypeViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, checked, defineOperator, type Operator } from '../operator.ts'
import { elementCount, formatShape, normalizeAxis, type Shape, sameShape, type TensorType } from '../shape.ts'
import { constant, fill } from './constant.ts'
import { multiply } from './elementwise.ts'
import { gather, gatherElements } from './indexing.ts'
import { sum } from './reduction.ts'
import { reshape } from './shape.ts'

function requireIndices(type: TensorType | undefined): TensorType {
  if (type?.dtype !== 'i64' && type?.dtype !== 'i32') throw dtypeViolation('indices must be i64 or i32')
  return type
}

const scatterElementsOperator: Operator<{ readonly axis: number }> = defineOperator<{ readonly axis: number }>({
  name: 'scatterElements',
  summary: 'Elements written by index along an axis; each index at most once in a slice',
  infer([base, indices, updates], { axis }) {
    if (!base || normalizeAxis(axis, base.shape.length) !== axis) {
      throw attributeViolation(`axis ${axis} is not one of ${formatShape(base?.shape ?? [])}`)
    }
    if (!updates || base.dtype !== updates.dtype || !sameShape(requireIndices(indices).shape, updates.shape)) {
      throw shapeViolation('indices and updates must have one shape, base and updates one dtype')
    }
    if (!sameShape(updates.shape.with(axis, 0), base.shape.with(axis, 0))) {
      throw shapeViolation(`updates ${formatShape(updates.shape)} and base differ in more than axis ${axis}`)
    }
    return [base]
  },
  gradient({ inputs, outputGradients: [dy], attributes: { axis }, needs }) {
    const [, indices, updates] = inputs as readonly [Tensor, Tensor, Tensor]
    if (!dy) return []
    const nothing = fill(updates.shape, 0, dy.dtype)
    return [
      needs[0] ? applyOne(scatterElementsOperator, [dy, indices, nothing], { axis }) : undefined,
      undefined,
      needs[2] ? gatherElements(dy, indices, axis) : undefined,
    ]
  },
  lower: (emitter, { inputs, attributes }) => emitter.node('ScatterElements', inputs, attributes),
})

/**
 * `base` with `updates` written at `indices` along `axis`. An index that stands twice in a slice leaves it open which update
 * remains; `scatterAddElements` adds duplicates.
 *
 * @param indices i64 or i32, the shape of `updates`; both equal `base` but for `axis`
 */
export function scatterElements(base: Tensor, indices: Tensor, updates: Tensor, axis = -1): Tensor {
  return applyOne(scatterElementsOperator, [base, indices, updates], { axis: normalizeAxis(axis, base.rank) ?? axis })
}

const scatterRowsOperator = defineOperator({
  name: 'scatterRows',
  summary: 'Rows written over the rows of a table by index; each index at most once',
  infer([base, indices, rows]) {
    const expected: Shape = [...requireIndices(indices).shape, ...(base?.shape.slice(1) ?? [])]
    if (!base || base.shape.length === 0 || rows?.dtype !== base.dtype || !sameShape(rows.shape, expected)) {
      throw shapeViolation(`rows must be ${base?.dtype}${formatShape(expected)}`)
    }
    return [base]
  },
  gradient({ inputs, outputGradients: [dy], needs }) {
    const [, indices, rows] = inputs as readonly [Tensor, Tensor, Tensor]
    if (!dy) return []
    return [
      needs[0] ? scatterRows(dy, indices, fill(rows.shape, 0, dy.dtype)) : undefined,
      undefined,
      needs[2] ? gather(dy, indices) : undefined,
    ]
  },
  lower(emitter, { inputs, inputTypes }) {
    const [table, indices, rows] = inputs as readonly [string, string, string]
    const [, type] = inputTypes as readonly TensorType[]
    const wide = type?.dtype === 'i32' ? emitter.value('Cast', [indices], { to: 7 }) : indices
    const index = emitter.value('Unsqueeze', [wide, emitter.constant('i64', [1], [-1])])
    return emitter.node('ScatterND', [table, index, rows])
  },
})

/**
 * `base` with `rows[i]` written over `base[indices[i]]`. An index that stands twice leaves it open which row remains;
 * `scatterAddRows` adds duplicates.
 *
 * @param base `[N, …]`
 * @param indices i64 or i32 of any shape, each in 0 … N − 1
 * @param rows the shape of `indices`, then `…`
 */
export function scatterRows(base: Tensor, indices: Tensor, rows: Tensor): Tensor {
  return applyOne(scatterRowsOperator, [base, indices, rows], {})
}

/** `base` with its first `K` axes merged, and the place of each index tuple along the merged axis. */
function merged(name: string, base: Tensor, indices: Tensor): { table: Tensor; places: Tensor } {
  const [depth, leading] = checked(name, [base, indices], () => {
    const last = requireIndices(indices).shape.at(-1)
    if (typeof last !== 'number' || last < 1 || last > base.rank) {
      throw shapeViolation(`tuples of ${last} indices do not fit ${formatShape(base.shape)}`)
    }
    const extents = base.shape.slice(1, last)
    if (!extents.every((extent) => typeof extent === 'number'))
      throw shapeViolation('only the first axis may have a name')
    return [last, base.shape.slice(0, last)] as const
  })
  const strides = leading.map((_, axis) => elementCount(leading.slice(axis + 1)) as number)
  const count = leading.reduce<Dimension>(multiplyDimensions, 1)
  return {
    table: reshape(base, [count, ...base.shape.slice(depth)]),
    places: sum(multiply(indices, constant(strides, { dtype: indices.dtype })), { axes: [-1] }),
  }
}

/**
 * Slices of `x` by tuples of indices.
 *
 * @param indices i64 or i32 `[…, K]`: each tuple is a place along the first K axes, counted from the front
 * @returns `[…]` followed by the other axes of `x`
 */
export function gatherND(x: Tensor, indices: Tensor): Tensor {
  const { table, places } = merged('gatherND', x, indices)
  return gather(table, places)
}

/**
 * `base` with slices written over those at tuples of indices, each tuple at most once.
 *
 * @param indices i64 or i32 `[…, K]`, as for `gatherND`
 * @param updates `[…]` followed by the other axes of `base`
 */
export function scatterND(base: Tensor, indices: Tensor, updates: Tensor): Tensor {
  const { table, places } = merged('scatterND', base, indices)
  return reshape(scatterRows(table, places, updates), base.shape)
}
