import { isFloating } from '../dtype.ts'
import { attributeViolation, dtypeViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, applyOne, defineOperator, type Operator } from '../operator.ts'
import { formatType, sameShape, type TensorType } from '../shape.ts'
import { swiglu } from './activation.ts'
import { add } from './elementwise.ts'
import { gather } from './indexing.ts'
import { matmul } from './matmul.ts'
import { rmsNorm } from './norm.ts'
import { dequantise, fitsBlocks, type QuantisedShape, type QuantisedType, quantisedBytes } from './quantised-layout.ts'

/*
 * Products with weights in the packed layout of quantised-layout.ts. K features of x, N of y.
 * The native kernel rounds x to int8 a block of 32, as llama.cpp does; the composite does not round.
 */

/** What a product is for: the arithmetic depends on it, and never on the number of rows. */
export type ProductPhase = 'decode' | 'prefill'

export type MatmulQuantisedAttributes = {
  /** Type and rows of each weight. */
  readonly types: readonly QuantisedType[]
  readonly rows: readonly number[]
  /** Which inputs are there beside x and the weights: a norm's weight, something that is added, biases. */
  readonly normed: boolean
  readonly added: boolean
  /** 1 for each weight that has a bias. */
  readonly biased: readonly number[]
  /** `silu`: two weights, gate and up, give one output silu(gate) · up. */
  readonly activation: 'none' | 'silu'
  readonly epsilon: number
  readonly phase: ProductPhase
}

interface Parts<T> {
  readonly x: T
  readonly norm: T | undefined
  readonly added: T | undefined
  readonly weights: readonly T[]
  /** By weight. */
  readonly biases: readonly (T | undefined)[]
}

/** Inputs by their roles; they come in the order x, norm, added, weights, biases. */
function partsOf<T>(inputs: readonly T[], { types, normed, added, biased }: MatmulQuantisedAttributes): Parts<T> {
  const [x, ...rest] = inputs
  const next = (is: boolean | number | undefined) => (is ? rest.shift() : undefined)
  if (x === undefined) throw shapeViolation('x is needed')
  const parts = { norm: next(normed), added: next(added), weights: rest.splice(0, types.length) }
  return { x, ...parts, biases: types.map((_, index) => next(biased[index])) }
}

function shapesOf({ types, rows }: MatmulQuantisedAttributes, columns: number): QuantisedShape[] {
  return types.map((type, index) => ({ type, rows: rows[index] as number, columns }))
}

function requirePacked(packed: TensorType | undefined, shape: QuantisedShape): void {
  const { type, rows, columns } = shape
  if (!fitsBlocks(type, columns)) throw attributeViolation(`${columns} numbers are not made of blocks of ${type}`)
  if (packed?.dtype !== 'u8') throw dtypeViolation('packed weights must be u8')
  if (!sameShape(packed.shape, [quantisedBytes(shape)])) {
    throw shapeViolation(`${type} weights [${rows}, ${columns}] must be u8[${quantisedBytes(shape)}]`)
  }
}

function check(inputs: readonly TensorType[], attributes: MatmulQuantisedAttributes): TensorType[] {
  const { x, norm, added, weights, biases } = partsOf(inputs, attributes)
  if (!isFloating(x.dtype) || x.shape.length < 2) throw dtypeViolation('x must be floating, with rows and columns')
  const columns = x.shape.at(-1)
  if (typeof columns !== 'number') throw shapeViolation('the last axis of x must be known')
  const shapes = shapesOf(attributes, columns)
  shapes.forEach((shape, index) => {
    requirePacked(weights[index], shape)
  })
  const gated = attributes.activation !== 'none'
  if (gated && (shapes.length !== 2 || shapes[0]?.rows !== shapes[1]?.rows)) {
    throw shapeViolation('gate and up are needed, with one number of rows')
  }
  const outputs = (gated ? shapes.slice(0, 1) : shapes).map(({ rows }) => ({
    dtype: x.dtype,
    shape: x.shape.with(-1, rows),
  }))
  const requireVector = (type: TensorType | undefined, extent: number, name: string) => {
    if (type && (type.dtype !== x.dtype || !sameShape(type.shape, [extent]))) {
      throw shapeViolation(`the ${name} must be ${formatType({ dtype: x.dtype, shape: [extent] })}`)
    }
  }
  requireVector(norm, columns, "norm's weight")
  biases.forEach((bias, index) => {
    requireVector(bias, attributes.rows[index] as number, 'bias')
  })
  const [first, ...others] = outputs
  if (added && (others.length > 0 || gated || !first || !sameShape(added.shape, first.shape))) {
    throw shapeViolation('what is added must have the shape of the only output')
  }
  return outputs
}

export const matmulQuantisedOperator: Operator<MatmulQuantisedAttributes> = defineOperator<MatmulQuantisedAttributes>({
  name: 'matmulQuantised',
  summary: 'x, perhaps normed, times weights in blocks of a few bits; biases, a sum or a gated unit behind them',
  infer: check,
  composite(inputs, attributes) {
    const { x, norm, added, weights, biases } = partsOf(inputs, attributes)
    const normal = norm ? rmsNorm(x, norm, attributes.epsilon) : x
    const products = shapesOf(attributes, Number(x.shape.at(-1))).map((shape, index) => {
      const y = matmul(normal, dequantise(weights[index] as Tensor, shape, x.dtype), { transposeB: true })
      const bias = biases[index]
      return bias ? add(y, bias) : y
    })
    const [first, second] = products as [Tensor, Tensor]
    if (attributes.activation === 'silu') return [swiglu(first, second)]
    return added ? [add(first, added)] : products
  },
  kernel: {
    operator: 'MatMulQuantised',
    supports: ([x]) => x?.dtype === 'f32',
    lower(emitter, { inputs, outputTypes, attributes }) {
      const { x, norm, added, weights, biases } = partsOf(inputs, attributes)
      const { types, rows, biased, activation, epsilon, phase } = attributes
      return emitter.node(
        'MatMulQuantised',
        [x, norm ?? '', added ?? '', ...weights, ...biases.filter((bias) => bias !== undefined)],
        {
          weights: types.map((type, index) => `${type} ${rows[index]}`).join(','),
          biases: biased.reduce((bits, is, index) => bits | (is << index), 0),
          epsilon: { float: epsilon },
          phase,
          ...(activation === 'none' ? {} : { activation }),
        },
        { domain: 'r1', types: outputTypes, outputs: outputTypes.length },
      )
    },
  },
})

/** Inputs: packed u8, ids i64. */
const gatherQuantisedOperator = defineOperator<QuantisedShape>({
  name: 'gatherQuantised',
  summary: 'Rows of weights in blocks of a few bits (embedding)',
  constant: true,
  infer([packed, ids], shape) {
    requirePacked(packed, shape)
    if (ids?.dtype !== 'i64') throw dtypeViolation('ids must be i64')
    return [{ dtype: 'f32', shape: [...ids.shape, shape.columns] }]
  },
  composite: ([packed, ids], shape) => (packed && ids ? [gather(dequantise(packed, shape), ids)] : []),
  kernel: {
    operator: 'GatherQuantised',
    lower: (emitter, { inputs, outputTypes, attributes: { type, rows, columns } }) =>
      emitter.node('GatherQuantised', inputs, { type, rows, columns }, { domain: 'r1', types: outputTypes }),
  },
})

/** A weight in packed blocks. */
export interface QuantisedWeight {
  /** u8 `[quantisedBytes(…)]` */
  readonly packed: Tensor
  readonly type: QuantisedType
  /** N */
  readonly rows: number
  /** `[N]` */
  readonly bias?: Tensor | undefined
}

export interface MatmulQuantisedOptions {
  readonly phase?: ProductPhase
  /** x is normed by its root mean square first, with this weight `[K]`. */
  readonly norm?: { readonly weight: Tensor; readonly epsilon: number } | undefined
  /** Added to the only output. */
  readonly added?: Tensor | undefined
  /** `silu`: of two weights, gate and up, one output silu(gate) · up. */
  readonly activation?: 'none' | 'silu'
}

/**
 * `x · Wᵀ` for one to eight weights kept in blocks of a few bits. The kernel rounds x to int8, a scale for each 32 numbers.
 *
 * @param x `[…, K]`
 * @returns `[…, N]` for each weight; one for gate and up
 * @throws R1Error `shape-mismatch`, `dtype-mismatch`, `bad-attribute`
 */
export function matmulQuantised(
  x: Tensor,
  weights: readonly QuantisedWeight[],
  { phase = 'decode', norm, added, activation = 'none' }: MatmulQuantisedOptions = {},
): readonly Tensor[] {
  const present = (tensors: readonly (Tensor | undefined)[]) => tensors.filter((tensor) => tensor !== undefined)
  const biases = weights.map(({ bias }) => bias)
  return apply(
    matmulQuantisedOperator,
    [x, ...present([norm?.weight, added]), ...weights.map(({ packed }) => packed), ...present(biases)],
    {
      types: weights.map(({ type }) => type),
      rows: weights.map(({ rows }) => rows),
      normed: norm !== undefined,
      added: added !== undefined,
      biased: biases.map((bias) => (bias ? 1 : 0)),
      activation,
      epsilon: norm?.epsilon ?? 0,
      phase,
    },
  )
}

/**
 * Rows of a packed table by their ids.
 *
 * @param packed u8
 * @param ids i64 of any shape, 0 … N − 1
 * @returns f32 `[…, K]`
 */
export function gatherQuantised(packed: Tensor, shape: QuantisedShape, ids: Tensor): Tensor {
  const { type, rows, columns } = shape
  return applyOne(gatherQuantisedOperator, [packed, ids], { type, rows, columns })
}
