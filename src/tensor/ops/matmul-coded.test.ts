import { describe, expect, it } from 'vitest'
import { NDArray } from '../../runtime/array.ts'
import { jit } from '../../runtime/jit.ts'
import {
  type CodeFormat,
  decodeInt8,
  decodeNF4,
  encodeInt8,
  encodeNF4,
  matmulCoded,
  type Tensor,
  trace,
} from '../index.ts'

const [rows, columns, tokens] = [5, 128, 3]
const numbers = (count: number, step: number) => Float32Array.from({ length: count }, (_, at) => Math.sin(at * step))
const weights = numbers(rows * columns, 1.1)
const x = numbers(tokens * columns, 0.7)

/** What f32 weights give, in double precision. */
function product(matrix: Float32Array): number[] {
  return Array.from({ length: tokens * rows }, (_, place) => {
    const [token, row] = [Math.floor(place / rows), place % rows]
    let total = 0
    for (let k = 0; k < columns; k++)
      total += (x[token * columns + k] as number) * (matrix[row * columns + k] as number)
    return total
  })
}

function multiplied(format: CodeFormat, { codes, scales }: { codes: Uint8Array | Int8Array; scales: Float32Array }) {
  const packed = format === 'nf4' ? columns / 2 : columns
  return [true, false].map((kernels) => {
    using run = jit(
      ({ x, codes, scales }: Record<'x' | 'codes' | 'scales', Tensor>) => matmulCoded(x, { format, codes, scales }),
      { kernels },
    )
    return run
      .runSync({
        x: NDArray.from(x, [tokens, columns]),
        codes: NDArray.from([...codes], [rows, packed], format === 'nf4' ? 'u8' : 'i8'),
        scales: NDArray.from(scales, [scales.length]),
      })
      .toNumbers()
  })
}

const largestGap = (found: readonly number[], expected: readonly number[]) =>
  Math.max(...found.map((value, at) => Math.abs(value - (expected[at] as number))))

describe('a product with codes', () => {
  it('is the product with the numbers they stand for', () => {
    const [nf4, int8] = [encodeNF4(weights), encodeInt8(weights, columns)]
    for (const found of multiplied('nf4', nf4)) expect(largestGap(found, product(decodeNF4(nf4)))).toBeLessThan(1e-4)
    for (const found of multiplied('int8', int8)) {
      expect(largestGap(found, product(decodeInt8(int8, columns)))).toBeLessThan(1e-4)
    }
  })

  it('refuses what does not fit', () => {
    const type = (dtype: 'f32' | 'u8' | 'i8', ...shape: number[]) => ({ dtype, shape })
    const call = (a: ReturnType<typeof type>, codes: typeof a, scales: typeof a, block: number) => () =>
      trace(({ a, codes, scales }) => matmulCoded(a, { format: 'nf4', codes, scales, block }), { a, codes, scales })
    expect(call(type('f32', 2, 8), type('i8', 3, 4), type('f32', 6), 4)).toThrow(/codes of nf4 are u8/)
    expect(call(type('f32', 2, 8), type('u8', 3, 4), type('f32', 5), 4)).toThrow(
      /3×8 numbers in blocks of 4 need \[6\]/,
    )
    expect(call(type('f32', 2, 7), type('u8', 3, 4), type('f32', 6), 4)).toThrow(/do not meet the 8 numbers/)
    expect(call(type('f32', 2, 8), type('u8', 3, 4), type('f32', 8), 3)).toThrow(/blocks of 3 numbers are not possible/)
  })
})
