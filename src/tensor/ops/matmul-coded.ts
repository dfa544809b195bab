import { nf4Block, nf4Levels } from '../codes.ts'
import { type DType, isFloating } from '../dtype.ts'
import { attributeViolation, dtypeViolation, requireRank, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, defineOperator, type Operator } from '../operator.ts'
import { formatShape, formatType, type Shape, sameShape, type TensorType } from '../shape.ts'
import { constant } from './constant.ts'
import { add, cast, divide, multiply, subtract } from './elementwise.ts'
import { gather } from './indexing.ts'
import { matmul, type ProductPrecision, productType } from './matmul.ts'
import { repeat, stack } from './repeat.ts'
import { reshape } from './shape.ts'
import { slice } from './slice.ts'

/*
 * Products with a frozen matrix W [R, C] that is stored as codes and scales (`codes.ts` makes them): a number of W is the
 * scale of its block times the level of its code. Only what is multiplied by W has a gradient.
 */

/** How a matrix is stored: two codes of 16 levels a byte, or a signed byte a number. */
export type CodeFormat = 'nf4' | 'int8'

/** A matrix `[R, C]` stored as codes. */
export interface CodedMatrix {
  readonly format: CodeFormat
  /** u8 `[R, C / 2]` of NF4, i8 `[R, C]` of int8. */
  readonly codes: Tensor
  /** One for each block of codes in memory order. */
  readonly scales: Tensor
  /** Numbers that share a scale: 64 of NF4 and a row of int8 without it. */
  readonly block?: number
}

type CodedAttributes = { readonly transposeB: boolean; readonly block: number; readonly precision: ProductPrecision }

interface Format {
  readonly dtype: DType
  /** Numbers in one element of `codes`. */
  readonly perCode: number
  /** Native operator of the product. */
  readonly kernel: string
  /** Numbers that share a scale where nothing else is said, by the length of a row. */
  block(columns: number): number
  /** Levels of the codes, in as many numbers as W has. */
  levels(codes: Tensor, dtype: DType): Tensor
}

const formats: Readonly<Record<CodeFormat, Format>> = {
  nf4: {
    dtype: 'u8',
    perCode: 2,
    kernel: 'MatMulNF4',
    block: () => nf4Block,
    levels(codes, dtype) {
      const bytes = cast(codes, 'i32')
      const high = divide(bytes, 16)
      const low = subtract(bytes, multiply(high, 16))
      return gather(constant(nf4Levels, { dtype }), stack([high, low], -1))
    },
  },
  int8: { dtype: 'i8', perCode: 1, kernel: 'MatMulInt8', block: (columns) => columns, levels: cast },
}

/** Rows and columns of W. */
function extentsOf(format: CodeFormat, codes: TensorType): readonly [number, number] {
  const [rows, columns] = codes.shape.map(Number) as [number, number]
  return [rows, columns * formats[format].perCode]
}

/** W in numbers of the dtype of its scales. */
function decoded(format: CodeFormat, codes: Tensor, scales: Tensor, block: number): Tensor {
  const [rows, columns] = extentsOf(format, codes)
  const wide = slice(repeat(scales, block, 0), { 0: { end: rows * columns } })
  return reshape(multiply(reshape(formats[format].levels(codes, scales.dtype), [-1]), wide), [rows, columns])
}

function inferCoded(format: CodeFormat, inputs: readonly TensorType[], attributes: CodedAttributes): TensorType {
  const [a, codes, scales, added] = inputs
  const { dtype } = formats[format]
  if (!a || !codes || !scales || !isFloating(a.dtype)) throw dtypeViolation('a floating dtype is needed')
  if (codes.dtype !== dtype) throw dtypeViolation(`codes of ${format} are ${dtype}`)
  const { block, transposeB, precision } = attributes
  // What the scales are is what comes out.
  if (productType([a, scales], precision) !== scales.dtype) throw dtypeViolation(`the scales must be ${a.dtype}`)
  requireRank(codes, 2, 'codes')
  if (!Number.isInteger(block) || block < 1 || (format === 'nf4' && block % 2 === 1)) {
    throw attributeViolation(`blocks of ${block} numbers are not possible`)
  }
  const [rows, columns] = extentsOf(format, codes)
  const blocks = Math.ceil((rows * columns) / block)
  if (!sameShape(scales.shape, [blocks])) {
    throw shapeViolation(`${rows}×${columns} numbers in blocks of ${block} need [${blocks}] scales`)
  }
  const [depth, width] = transposeB ? [columns, rows] : [rows, columns]
  if (a.shape.length < 2 || a.shape.at(-1) !== depth) {
    throw shapeViolation(`rows of ${formatShape(a.shape)} do not meet the ${depth} numbers that W sums over`)
  }
  const type = { dtype: scales.dtype, shape: [...a.shape.slice(0, -1), width] as Shape }
  if (added && (added.dtype !== type.dtype || !sameShape(added.shape, type.shape))) {
    throw shapeViolation(`what is added must be ${formatType(type)}`)
  }
  return type
}

function codedOperator(format: CodeFormat, name: string, summary: string): Operator<CodedAttributes> {
  const { kernel } = formats[format]
  const operator: Operator<CodedAttributes> = defineOperator<CodedAttributes>({
    name,
    summary,
    infer: (inputs, attributes) => [inferCoded(format, inputs, attributes)],
    gradient({ inputs: [, codes, scales], outputGradients: [dy], attributes, needs }) {
      if (!dy || !codes || !scales) return []
      const turned = { ...attributes, transposeB: !attributes.transposeB }
      return [needs[0] ? applyOne(operator, [dy, codes, scales], turned) : undefined, undefined, undefined, dy]
    },
    composite([a, codes, scales, added], { transposeB, block }) {
      if (!a || !codes || !scales) return []
      const y = matmul(a, decoded(format, codes, scales, block), { transposeB })
      return [added ? add(y, added) : y]
    },
    kernel: {
      operator: kernel,
      supports: ([, , scales]) => scales?.dtype === 'f32',
      lower: (emitter, { inputs, outputTypes, attributes: { transposeB, block, precision } }) =>
        emitter.node(
          kernel,
          inputs,
          { transB: transposeB ? 1 : 0, block, precision },
          { domain: 'r1', types: outputTypes },
        ),
    },
  })
  return operator
}

/** The operator of each format. */
export const codedOperators: Readonly<Record<CodeFormat, Operator<CodedAttributes>>> = {
  nf4: codedOperator('nf4', 'matmulNF4', 'Product with a frozen matrix of NF4 codes, and something of its shape added'),
  int8: codedOperator(
    'int8',
    'matmulInt8',
    'Product with a frozen matrix of int8 codes, and something of its shape added',
  ),
}

const blockOf = ({ format, codes, block }: CodedMatrix): number =>
  block ?? formats[format].block(extentsOf(format, codes)[1])

/**
 * The types of codes and scales of a matrix in the format's own blocks.
 *
 * @returns undefined where rows of so many columns cannot be stored: NF4 needs an even number
 */
export function codedTypes(
  format: CodeFormat,
  [rows, columns]: readonly [number, number],
): Record<'codes' | 'scales', TensorType> | undefined {
  const { dtype, perCode, block } = formats[format]
  if (columns % perCode !== 0) return undefined
  return {
    codes: { dtype, shape: [rows, columns / perCode] },
    scales: { dtype: 'f32', shape: [Math.ceil((rows * columns) / block(columns))] },
  }
}

/**
 * `a · Wᵀ (+ added)`, or `a · W` where it is transposed, with a frozen matrix stored as codes: what a layer of a quantised model with an adapter needs (QLoRA,
 * Dettmers et al. 2023, arXiv:2305.14314). The matrix and its scales have no gradient.
 *
 * @param a `[…, C]`; `[…, R]` where W is transposed
 * @param weight W `[R, C]`
 * @param options.added in the shape of the result: the adapter's part, for example
 * @returns `[…, R]`; `[…, C]` where W is transposed
 * @throws R1Error `shape-mismatch`, `dtype-mismatch`, `bad-attribute`
 */
export function matmulCoded(
  a: Tensor,
  weight: CodedMatrix,
  { added, transposed = false }: { readonly added?: Tensor; readonly transposed?: boolean } = {},
): Tensor {
  const { format, codes, scales } = weight
  const attributes = { transposeB: !transposed, block: blockOf(weight), precision: 'f32' } as const
  return applyOne(codedOperators[format], added ? [a, codes, scales, added] : [a, codes, scales], attributes)
}

/** The numbers `[R, C]` that the codes of a matrix stand for, in the dtype of its scales. */
export function decodeMatrix(weight: CodedMatrix): Tensor {
  return decoded(weight.format, weight.codes, weight.scales, blockOf(weight))
}
