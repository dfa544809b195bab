import { dtypeViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, defineOperator } from '../operator.ts'
import { formatShape, sameShape, type TensorType } from '../shape.ts'
import { add, cast, floor, multiply, subtract } from './elementwise.ts'
import { gather } from './indexing.ts'
import { matmul } from './matmul.ts'
import { sum } from './reduction.ts'
import { stack } from './repeat.ts'
import { reshape } from './shape.ts'

/*
 * Products with quantised weights by ONNX Runtime's own operator, where the native kernels do not run. A number of a block of
 * 32 is scale · (code − zero) + offset with codes of 4 or 8 bits, two codes of 4 bits a byte, the first one low.
 */

/** Numbers that share a scale. */
export const stockBlock = 32

export type CodeBits = 4 | 8

type StockAttributes = { readonly bits: CodeBits }

/** A matrix `[N, K]` as codes. */
export interface StockMatrix {
  /** u8 `[N, K / 32, 4 · bits]` */
  readonly codes: Tensor
  /** f32 `[N, K / 32]` */
  readonly scales: Tensor
  /** f32 `[N, K / 32]`; 0 without it */
  readonly offsets?: Tensor | undefined
  readonly bits: CodeBits
}

/** Numbers `[…, K]` of codes `[…, K / 32, 4 · bits]`. */
function decode({ codes, scales, offsets, bits }: StockMatrix): Tensor {
  const leading = codes.shape.slice(0, -1)
  const bytes = cast(codes, scales.dtype)
  const high = floor(multiply(bytes, 1 / 16))
  const numbers = bits === 8 ? bytes : stack([subtract(bytes, multiply(high, 16)), high], leading.length + 1)
  const wide = (x: Tensor) => reshape(x, [...leading, 1])
  const scaled = multiply(subtract(reshape(numbers, [...leading, stockBlock]), 2 ** (bits - 1)), wide(scales))
  const blocks = offsets ? add(scaled, wide(offsets)) : scaled
  return reshape(blocks, [...leading.slice(0, -1), Number(leading.at(-1)) * stockBlock])
}

/** Inputs: x `[…, K]`, codes, scales. */
const matmulStockOperator = defineOperator<StockAttributes>({
  name: 'matmulStockQuantised',
  summary: 'x times weights in blocks of 32 codes of 4 or 8 bits, by ONNX Runtime',
  infer([x, codes, scales], { bits }) {
    const [rows, blocks] = codes?.shape ?? []
    if (codes?.dtype !== 'u8' || typeof rows !== 'number' || typeof blocks !== 'number') {
      throw dtypeViolation('codes must be u8 of a known shape')
    }
    if (!sameShape(codes.shape, [rows, blocks, 4 * bits]) || !sameShape(scales?.shape ?? [], [rows, blocks])) {
      throw shapeViolation(
        `codes and scales must be ${formatShape([rows, blocks, 4 * bits])} and ${formatShape([rows, blocks])}`,
      )
    }
    if (!x || x.dtype !== scales?.dtype) throw dtypeViolation('x and scales must have one dtype')
    if (x.shape.at(-1) !== blocks * stockBlock) throw shapeViolation(`x must have ${blocks * stockBlock} columns`)
    return [{ dtype: x.dtype, shape: x.shape.with(-1, rows) }]
  },
  composite: ([x, codes, scales], { bits }) =>
    x && codes && scales ? [matmul(x, decode({ codes, scales, bits }), { transposeB: true })] : [],
  supports: ([x], _, { device }) => device === 'cpu' && x?.dtype === 'f32',
  lower(emitter, { inputs, inputTypes, attributes: { bits } }) {
    const [rows, blocks] = (inputTypes[1] as TensorType).shape as readonly [number, number]
    const sizes = { N: rows, K: blocks * stockBlock, bits, block_size: stockBlock }
    // Level 4 rounds x to int8, a scale for each block; the other levels are many times slower.
    return emitter.node('MatMulNBits', inputs, { ...sizes, accuracy_level: 4 }, { domain: 'com.microsoft' })
  },
})

/**
 * `x · Wᵀ` for weights in blocks of codes. ONNX Runtime rounds x to int8, a scale for each 32 numbers; the offsets' part is
 * computed of x itself. Fast only where codes and scales are constants of the session.
 *
 * @param x `[…, K]`
 * @returns `[…, N]`
 * @throws R1Error `shape-mismatch`, `dtype-mismatch`
 */
export function matmulStockQuantised(x: Tensor, { codes, scales, offsets, bits }: StockMatrix): Tensor {
  const y = applyOne(matmulStockOperator, [x, codes, scales], { bits })
  if (!offsets) return y
  const blocks = Number(x.shape.at(-1)) / stockBlock
  const sums = sum(reshape(x, [...x.shape.slice(0, -1), blocks, stockBlock]), { axes: [x.rank] })
  return add(y, matmul(sums, offsets, { transposeB: true }))
}

/** Rows of a matrix in blocks of codes: `[…, K]` for ids i64 `[…]`. */
export function gatherStockQuantised({ codes, scales, offsets, bits }: StockMatrix, ids: Tensor): Tensor {
  const rows = (x: Tensor) => gather(x, ids)
  return decode({ codes: rows(codes), scales: rows(scales), offsets: offsets && rows(offsets), bits })
}

/** All numbers of a matrix in blocks of codes, `[N, K]`. */
export const decodeStock = (matrix: StockMatrix): Tensor => decode(matrix)
