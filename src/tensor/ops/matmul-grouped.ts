import type { Dimension } from '../dimension.ts'
import { isFloating } from '../dtype.ts'
import type { Emitter } from '../emitter.ts'
import { dtypeViolation, requireRank, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, applyOne, defineOperator, type Operator } from '../operator.ts'
import { formatShape, formatType, sameShape, type TensorType } from '../shape.ts'
import { zerosLike } from './constant.ts'
import { add, and, greaterOrEqual, less, where } from './elementwise.ts'
import { iota } from './indexing.ts'
import { matmul, type ProductPrecision } from './matmul.ts'
import { reshape } from './shape.ts'
import { slice } from './slice.ts'

/*
 * Products of a mixture of experts. Rows of A [T, K] are sorted by expert: expert e owns rows offsets[e] … offsets[e + 1] − 1
 * and multiplies them by its own weights [K, N] (or [N, K], transposed), each a tensor as checkpoints keep them.
 */

type GroupedAttributes = { readonly transposeB: boolean; readonly precision: ProductPrecision }

function requireOffsets(offsets: TensorType | undefined, experts: number): void {
  if (offsets?.dtype !== 'i64' || !sameShape(offsets.shape, [experts + 1])) {
    throw shapeViolation(`offsets of ${experts} experts must be i64[${experts + 1}]`)
  }
}

/** Rows and columns of A. */
function requireMatrix(type: TensorType | undefined, name: string): readonly [Dimension, Dimension] {
  if (!type) throw shapeViolation(`${name} is needed`)
  if (!isFloating(type.dtype)) throw dtypeViolation(`${name} must be floating`)
  requireRank(type, 2, name)
  return type.shape as readonly [Dimension, Dimension]
}

/** The rows of each expert as matrices of their own: offsets are known only when the graph runs. */
function splitRows(emitter: Emitter, matrix: string, offsets: string, experts: number): readonly string[] {
  const part = (start: number, end: number) =>
    emitter.value('Slice', [offsets, emitter.constant('i64', [1], [start]), emitter.constant('i64', [1], [end])])
  const sizes = emitter.value('Sub', [part(1, experts + 1), part(0, experts)])
  return emitter.node('Split', [matrix, sizes], { axis: 0 }, { outputs: experts })
}

/** `op(a) · op(b)` of two matrices. */
function product(emitter: Emitter, type: TensorType, [a, b]: readonly [string, string], ta: boolean, tb: boolean) {
  if (!ta && !tb) return emitter.value('MatMul', [a, b])
  if (type.dtype === 'f32') {
    const attributes = { transA: ta ? 1 : 0, transB: tb ? 1 : 0 }
    return emitter.value('FusedMatMul', [a, b], attributes, { domain: 'com.microsoft' })
  }
  const turned = (name: string, is: boolean) => (is ? emitter.value('Transpose', [name]) : name)
  return emitter.value('MatMul', [turned(a, ta), turned(b, tb)])
}

/** Whether each of T rows belongs to an expert, `[T, 1]`. */
function ownedBy(expert: number, offsets: Tensor, rows: Dimension): Tensor {
  const places = iota(rows)
  const border = (at: number) => slice(offsets, { 0: { start: at, end: at + 1 } })
  const owned = and(greaterOrEqual(places, border(expert)), less(places, border(expert + 1)))
  return reshape(owned, [rows, 1])
}

/** Inputs: a `[T, K]`, offsets i64 `[E + 1]`, then E weights. */
export const groupedMatmulOperator: Operator<GroupedAttributes> = defineOperator<GroupedAttributes>({
  name: 'groupedMatmul',
  summary: 'Rows sorted by expert, each times the weights of its expert (mixture of experts)',
  infer([a, offsets, ...weights], { transposeB }) {
    const [rows, depth] = requireMatrix(a, 'a')
    const [first] = weights
    const [inner, outer] = requireMatrix(first, 'every weight')
    requireOffsets(offsets, weights.length)
    for (const { dtype, shape } of weights) {
      if (dtype !== a?.dtype) throw dtypeViolation(`the weights must be ${a?.dtype}, not ${dtype}`)
      if (!sameShape(shape, [inner, outer])) {
        throw shapeViolation(`the weights ${formatShape([inner, outer])} and ${formatShape(shape)} differ`)
      }
    }
    const summed = transposeB ? outer : inner
    if (summed !== depth) {
      throw shapeViolation(`${depth} columns of a do not meet the ${summed} numbers that the weights sum over`)
    }
    return [{ dtype: a?.dtype ?? 'f32', shape: [rows, transposeB ? inner : outer] }]
  },
  gradient({ inputs, outputGradients: [dy], attributes, needs }) {
    const [a, offsets, ...weights] = inputs as readonly [Tensor, Tensor, ...Tensor[]]
    if (!dy) return []
    const { transposeB } = attributes
    const da = needs[0]
      ? applyOne(groupedMatmulOperator, [dy, offsets, ...weights], { ...attributes, transposeB: !transposeB })
      : undefined
    const dWeights = needs.slice(2).some(Boolean)
      ? apply(groupedWeightGradientOperator, [a, dy, offsets], attributes)
      : []
    return [da, undefined, ...dWeights]
  },
  supports: (_inputs, _attributes, { device }) => device === 'cpu',
  lower(emitter, { inputs, inputTypes, attributes: { transposeB } }) {
    const [a, offsets, ...weights] = inputs as readonly [string, string, ...string[]]
    const rows = splitRows(emitter, a, offsets, weights.length)
    const parts = weights.map((weight, expert) =>
      product(emitter, inputTypes[0] as TensorType, [rows[expert] as string, weight], false, transposeB),
    )
    return emitter.node('Concat', parts, { axis: 0 })
  },
  composite([a, offsets, ...weights], { transposeB }) {
    if (!a || !offsets) return []
    const parts = weights.map((weight, expert) =>
      where(ownedBy(expert, offsets, a.shape[0] as Dimension), matmul(a, weight, { transposeB }), 0),
    )
    return [parts.reduce(add)]
  },
  kernel: {
    operator: 'GroupedMatMul',
    supports: (inputs) => inputs[0]?.dtype === 'f32' && inputs.length - 2 <= mostExperts,
    lower: (emitter, { inputs, outputTypes, attributes: { transposeB, precision } }) =>
      emitter.node(
        'GroupedMatMul',
        inputs,
        { transB: transposeB ? 1 : 0, precision },
        { domain: 'r1', types: outputTypes },
      ),
  },
})

/** What the native kernels take. */
const mostExperts = 1024

/** Inputs: a `[T, K]`, dy `[T, N]`, offsets i64 `[E + 1]`; one output for each expert. */
const groupedWeightGradientOperator: Operator<GroupedAttributes> = defineOperator<GroupedAttributes>({
  name: 'groupedWeightGradient',
  summary: 'Gradients of groupedMatmul by the weights of each expert',
  infer([a, dy, offsets], { transposeB }) {
    const [rows, depth] = requireMatrix(a, 'a')
    const [others, width] = requireMatrix(dy, 'dy')
    const borders = offsets?.shape[0]
    if (a?.dtype !== dy?.dtype || rows !== others || typeof borders !== 'number' || borders < 2) {
      throw shapeViolation(`dy must be ${formatType({ dtype: a?.dtype ?? 'f32', shape: [rows, width] })}`)
    }
    requireOffsets(offsets, borders - 1)
    const type = { dtype: a?.dtype ?? 'f32', shape: transposeB ? [width, depth] : [depth, width] }
    return Array.from({ length: borders - 1 }, () => type)
  },
  gradient({ inputs, outputs, outputGradients, attributes, needs }) {
    const [a, dy, offsets] = inputs as readonly [Tensor, Tensor, Tensor]
    const { transposeB } = attributes
    const weights = outputGradients.map((gradient, expert) => gradient ?? zerosLike(outputs[expert] as Tensor))
    const through = (rows: Tensor, transposed: boolean) =>
      applyOne(groupedMatmulOperator, [rows, offsets, ...weights], { ...attributes, transposeB: transposed })
    return [needs[0] ? through(dy, !transposeB) : undefined, needs[1] ? through(a, transposeB) : undefined, undefined]
  },
  supports: (_inputs, _attributes, { device }) => device === 'cpu',
  lower(emitter, { inputs, inputTypes, outputTypes, attributes: { transposeB } }) {
    const [a, dy, offsets] = inputs as readonly [string, string, string]
    const [left, right] = [a, dy].map((rows) => splitRows(emitter, rows, offsets, outputTypes.length))
    return outputTypes.map((_, expert) => {
      const pair = [left?.[expert] as string, right?.[expert] as string] as const
      return product(emitter, inputTypes[0] as TensorType, transposeB ? [pair[1], pair[0]] : pair, true, false)
    })
  },
  composite([a, dy, offsets], { transposeB }) {
    if (!a || !dy || !offsets) return []
    const [rows, borders] = [a.shape[0] as Dimension, Number(offsets.shape[0])]
    return Array.from({ length: borders - 1 }, (_, expert) => {
      const own = where(ownedBy(expert, offsets, rows), dy, 0)
      return transposeB ? matmul(own, a, { transposeA: true }) : matmul(a, own, { transposeA: true })
    })
  },
  kernel: {
    operator: 'GroupedMatMulWeightGradient',
    supports: ([a, , offsets]) => a?.dtype === 'f32' && Number(offsets?.shape[0]) - 1 <= mostExperts,
    lower: (emitter, { inputs, outputTypes, used, attributes: { transposeB, precision } }) =>
      emitter.node(
        'GroupedMatMulWeightGradient',
        inputs,
        { transB: transposeB ? 1 : 0, precision },
        { domain: 'r1', types: outputTypes, outputs: used },
      ),
  },
})

/**
 * Each row of `a` times the weights of its expert, without a product for experts that have no row. On WebGPU, where no
 * operator takes a part of unknown size, every expert multiplies every row.
 *
 * @param a `[T, K]`, rows sorted by expert
 * @param weights for each expert `[K, N]`, or `[N, K]` with `transposeB`
 * @param offsets i64 `[E + 1]`, rising from 0 to T: expert e owns rows offsets[e] … offsets[e + 1] − 1
 * @returns `[T, N]`
 * @throws R1Error `shape-mismatch`, `dtype-mismatch`
 */
export function groupedMatmul(
  a: Tensor,
  weights: readonly Tensor[],
  offsets: Tensor,
  { transposeB = false }: { readonly transposeB?: boolean } = {},
): Tensor {
  return applyOne(groupedMatmulOperator, [a, offsets, ...weights], { transposeB, precision: 'f32' })
}
