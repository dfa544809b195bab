import type { Dimension } from '../dimension.ts'
import type { DType } from '../dtype.ts'
import { attributeViolation, dtypeViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, defineOperator } from '../operator.ts'
import { formatShape, normalizeAxis, type Shape, sameShape, type TensorType } from '../shape.ts'
import { fill } from './constant.ts'
import { add, cast, equal } from './elementwise.ts'
import { matmul } from './matmul.ts'
import { broadcastTo, expandDimension, reshape, transpose } from './shape.ts'

function requireIndices(type: TensorType | undefined): TensorType {
  if (type?.dtype !== 'i64' && type?.dtype !== 'i32') throw dtypeViolation('indices must be i64 or i32')
  return type
}

function requireAxis(type: TensorType | undefined, axis: number): number {
  const at = normalizeAxis(axis, type?.shape.length ?? 0)
  if (at === undefined) throw attributeViolation(`axis ${axis} is not one of ${formatShape(type?.shape ?? [])}`)
  return at
}

const gatherOperator = defineOperator<{ readonly axis: number }>({
  name: 'gather',
  summary: 'Slices along an axis by their indices (embedding)',
  infer([x, indices], { axis }) {
    const at = requireAxis(x, axis)
    const shape = x?.shape ?? []
    return [
      {
        dtype: x?.dtype ?? 'f32',
        shape: [...shape.slice(0, at), ...requireIndices(indices).shape, ...shape.slice(at + 1)],
      },
    ]
  },
  gradient({ inputs, outputGradients: [dy], attributes: { axis } }) {
    const [x, indices] = inputs as readonly [Tensor, Tensor]
    if (!dy) return []
    const at = normalizeAxis(axis, x.rank) ?? 0
    // The gathered axes come first, then the axis that was gathered from is brought back to its place.
    const order = dy.shape.map((_, position) => position)
    const gathered = order.slice(at, at + indices.rank)
    const front =
      at === 0 ? dy : transpose(dy, [...gathered, ...order.filter((position) => !gathered.includes(position))])
    const rest = x.shape.filter((_, position) => position !== at)
    const rows = scatterAddRows(fill([x.shape[at] as Dimension, ...rest], 0, dy.dtype), indices, front)
    const back = x.shape.map((_, position) => (position < at ? position + 1 : position === at ? 0 : position))
    return [at === 0 ? rows : transpose(rows, back)]
  },
  lower: (emitter, { inputs, attributes }) => emitter.node('Gather', inputs, attributes),
})

/**
 * Slices of `x` along `axis` by their indices; negative indices count from the end.
 *
 * @param indices i64 or i32 of any shape
 * @returns `x` with the axis replaced by the axes of `indices`
 */
export function gather(x: Tensor, indices: Tensor, axis = 0): Tensor {
  return applyOne(gatherOperator, [x, indices], { axis })
}

/** Above this many one-hot entries the product with a one-hot matrix costs more than scattering element by element. */
const oneHotLimit = 1 << 22

export const scatterAddRowsOperator = defineOperator({
  name: 'scatterAddRows',
  summary: 'Rows added onto the rows of a table by index, duplicates summed in order (embedding gradient)',
  infer([base, indices, rows]) {
    const expected: Shape = [...requireIndices(indices).shape, ...(base?.shape.slice(1) ?? [])]
    if (!base || !rows || base.dtype !== rows.dtype || !sameShape(rows.shape, expected)) {
      throw shapeViolation(`rows must be ${base?.dtype}${formatShape(expected)}`)
    }
    return [base]
  },
  gradient({ inputs, outputGradients: [dy], needs }) {
    const [, indices] = inputs as readonly [Tensor, Tensor, Tensor]
    return [needs[0] ? dy : undefined, undefined, dy && needs[2] ? gather(dy, indices) : undefined]
  },
  supports: ([base, indices], _, target) =>
    target.device === 'cpu' && base?.dtype !== 'f16' && !useOneHot(base, indices),
  lower(emitter, { inputs, inputTypes: [base] }) {
    // ScatterND(add) races on duplicate indices; ScatterElements adds them in order.
    const [table, index, rows] = inputs as readonly [string, string, string]
    const width = (base?.shape ?? []).slice(1)
    const flatRows = emitter.value('Reshape', [rows, emitter.reshapeShape([-1, ...width])])
    const column = emitter.value('Reshape', [
      index,
      emitter.constant('i64', [1 + width.length], [-1, ...width.map(() => 1)]),
    ])
    const count = emitter.value('Shape', [flatRows])
    return emitter.node('ScatterElements', [table, emitter.value('Expand', [column, count]), flatRows], {
      axis: 0,
      reduction: 'add',
    })
  },
  composite([base, indices, rows]) {
    if (!base || !indices || !rows) return []
    const width = base.shape.slice(1)
    const flat = reshape(rows, [-1, ...width])
    const table = oneHot(reshape(indices, [-1]), base.shape[0] as number, rows.dtype)
    const columns = width.length === 1 ? flat : reshape(flat, [flat.shape[0] as Dimension, -1])
    return [add(base, reshape(matmul(table, columns, { transposeA: true }), base.shape))]
  },
  kernel: {
    operator: 'EmbeddingGradient',
    supports: ([base, indices]) => base?.dtype === 'f32' && base.shape.length === 2 && indices?.dtype === 'i64',
    lower: (emitter, { inputs: [base, indices, rows], outputTypes }) =>
      emitter.node(
        'EmbeddingGradient',
        [indices as string, rows as string, base as string],
        {},
        {
          domain: 'r1',
          types: outputTypes,
        },
      ),
  },
})

function useOneHot(base: TensorType | undefined, indices: TensorType | undefined): boolean {
  const count = [...(indices?.shape ?? []), base?.shape[0] ?? 0].reduce<number>(
    (product, extent) => (typeof extent === 'number' ? product * extent : Number.POSITIVE_INFINITY),
    1,
  )
  return count <= oneHotLimit
}

/**
 * `base` with `rows[i]` added onto `base[indices[i]]`; rows with the same index are summed in order.
 *
 * @param base `[V, …]`
 * @param indices i64 or i32 of any shape, each in 0 … V − 1
 * @param rows the shape of `indices`, then `…`
 */
export function scatterAddRows(base: Tensor, indices: Tensor, rows: Tensor): Tensor {
  return applyOne(scatterAddRowsOperator, [base, indices, rows], {})
}

const gatherElementsOperator = defineOperator<{ readonly axis: number }>({
  name: 'gatherElements',
  summary: 'One element for each index along an axis',
  infer([x, indices], { axis }) {
    const at = requireAxis(x, axis)
    const { shape } = requireIndices(indices)
    if (!x || !sameShape(shape.with(at, 0), x.shape.with(at, 0))) {
      throw shapeViolation(
        `indices ${formatShape(shape)} must equal ${formatShape(x?.shape ?? [])} but for axis ${axis}`,
      )
    }
    return [{ dtype: x.dtype, shape }]
  },
  gradient({ inputs, outputGradients: [dy], attributes: { axis } }) {
    const [x, indices] = inputs as readonly [Tensor, Tensor]
    return [dy && scatterAddElements(fill(x.shape, 0, dy.dtype), indices, dy, axis)]
  },
  lower: (emitter, { inputs, attributes }) => emitter.node('GatherElements', inputs, attributes),
})

/** `y[…, i, …] = x[…, indices[…, i, …], …]` along `axis`; the other extents are equal. */
export function gatherElements(x: Tensor, indices: Tensor, axis = -1): Tensor {
  return applyOne(gatherElementsOperator, [x, indices], { axis })
}

const scatterAddElementsOperator = defineOperator<{ readonly axis: number }>({
  name: 'scatterAddElements',
  summary: 'Elements added by index along an axis',
  cpuOnly: true,
  infer([base, indices, updates], { axis }) {
    requireAxis(base, axis)
    if (!base || !updates || base.dtype !== updates.dtype || !sameShape(requireIndices(indices).shape, updates.shape)) {
      throw shapeViolation('indices and updates must have one shape, base and updates one dtype')
    }
    return [base]
  },
  gradient({ inputs, outputGradients: [dy], attributes: { axis }, needs }) {
    const [, indices] = inputs as readonly [Tensor, Tensor, Tensor]
    return [needs[0] ? dy : undefined, undefined, dy && needs[2] ? gatherElements(dy, indices, axis) : undefined]
  },
  lower: (emitter, { inputs, attributes }) =>
    emitter.node('ScatterElements', inputs, { axis: attributes.axis, reduction: 'add' }),
})

/** `base` with `updates` added at `indices` along `axis`. */
export function scatterAddElements(base: Tensor, indices: Tensor, updates: Tensor, axis = -1): Tensor {
  return applyOne(scatterAddElementsOperator, [base, indices, updates], { axis })
}

const iotaOperator = defineOperator<{ readonly length: Dimension; readonly dtype: DType }>({
  name: 'iota',
  summary: '0, 1, 2, …',
  constant: true,
  infer: (_, { length, dtype }) => [{ dtype, shape: [length] }],
  lower(emitter, { attributes: { length, dtype } }) {
    return emitter.node('Range', [
      emitter.constant(dtype, [], [0]),
      emitter.dimension(length, dtype),
      emitter.constant(dtype, [], [1]),
    ])
  },
})

/** The vector 0, 1, …, length − 1. */
export function iota(length: Dimension, dtype: DType = 'i64'): Tensor {
  return applyOne(iotaOperator, [], { length, dtype })
}

/** `[…, depth]` with a one at each index and zeros elsewhere. */
export function oneHot(indices: Tensor, depth: number, dtype: DType = 'f32'): Tensor {
  const wide = broadcastTo(expandDimension(indices, -1), [...indices.shape, depth])
  return cast(equal(wide, iota(depth, indices.dtype)), dtype)
}
