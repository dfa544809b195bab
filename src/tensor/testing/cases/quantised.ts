import {
  gatherQuantised,
  groupedMatmulQuantised,
  matmulQuantised,
  matmulStockQuantised,
  type Tensor,
} from '../../index.ts'
import { type CaseInput, floats, indices, integers, type OperatorCase } from '../case.ts'
import { make, type Plain, total } from '../plain.ts'

/*
 * Weights of the type Q4_1 in the packed layout: a block of 16 rows of 32 numbers takes 256 bytes of numbers, 16 scales and
 * 16 offsets. Scales and offsets are powers of two here, so that every number is exact in f32.
 */

const [panel, block, planes, blockBytes] = [16, 32, 256, 320]
const columns = 64

/** High bytes of f16 numbers whose low bytes are 0: 2⁻⁶, 2⁻⁵, 2⁻⁴, and ±2⁻³, −2⁻². */
const [scaleBytes, offsetBytes] = [
  [0x24, 0x28, 0x2c],
  [0x30, 0xb0, 0xb4],
]
const halves: Readonly<Record<number, number>> = {
  36: 2 ** -6,
  40: 2 ** -5,
  44: 2 ** -4,
  48: 2 ** -3,
  176: -(2 ** -3),
  180: -(2 ** -2),
}

/** Packed weights with `rows` rows. */
export function packedWeights(rows: number, width = columns): CaseInput {
  return {
    shape: [((Math.ceil(rows / panel) * width) / block) * blockBytes],
    dtype: 'u8',
    differentiable: false,
    value(uniform, place) {
      const at = place % blockBytes
      if (at < planes) return Math.floor(uniform * 256)
      const high = (at < planes + 2 * panel ? scaleBytes : offsetBytes) as readonly number[]
      return at % 2 === 0 ? 0 : (high[Math.floor(uniform * 3)] as number)
    },
  }
}

/** Numbers that int8 with one scale for 32 holds exactly: 64ths of −127 … 127, the largest in each block. */
export const exactInInt8 = (...shape: readonly number[]): CaseInput => ({
  ...floats(...shape),
  value: (uniform, place) => (place % block === 0 ? 127 : Math.round((2 * uniform - 1) * 127)) / 64,
})

/** The number in row n and column k of a matrix, which begins at a byte. */
const weightAt = ({ data }: Plain, n: number, k: number, first = 0): number => {
  const start = first + (Math.floor(n / panel) * (columns / block) + Math.floor(k / block)) * blockBytes
  const [row, lane] = [n % panel, Math.floor((k % block) / 4)]
  const byte = data[start + Math.floor(lane / 2) * 64 + 4 * row + (k % 4)] as number
  const half = (at: number) => halves[data[start + at + 2 * row + 1] as number] as number
  return half(planes) * ((byte >> (4 * (lane % 2))) & 15) + half(planes + 2 * panel)
}

const dot = (x: Plain, row: number, w: Plain, n: number, first = 0): number =>
  total(Array.from({ length: columns }, (_, k) => x.at(row, k) * weightAt(w, n, k, first)))

const weight = (packed: Tensor | undefined, rows: number, bias?: Tensor) =>
  ({ packed: packed as Tensor, type: 'Q4_1', rows, bias }) as const

/** Packed matrices of several experts, one after the other. */
export function packedStack(experts: number, rows: number, width = columns): CaseInput {
  const one = packedWeights(rows, width)
  return { ...one, shape: [experts * (one.shape[0] as number)] }
}

/** First rows of three experts, the second of which has none; a matrix of 20 rows has two panels. */
const offsets = [0, 2, 2, 5]
const expertBytes = ((2 * columns) / block) * blockBytes
const firstByte = (row: number) => (row < 2 ? 0 : 2) * expertBytes

/** Bytes of codes. */
const codes = (...shape: readonly number[]): CaseInput => ({
  shape,
  dtype: 'u8',
  differentiable: false,
  value: (uniform) => Math.floor(uniform * 256),
})

/** x · Wᵀ + offsets for codes of 4 or 8 bits. */
function stockReference(bits: 4 | 8, inputs: Readonly<Record<string, Plain>>): Plain {
  const { x, codes, scales, offsets } = inputs as Readonly<Record<'x' | 'codes' | 'scales' | 'offsets', Plain>>
  const code = (n: number, k: number) => {
    const [at, place] = [Math.floor(k / block), k % block]
    if (bits === 8) return codes.at(n, at, place)
    const byte = codes.at(n, at, place >> 1)
    return place % 2 === 0 ? byte % 16 : byte >> 4
  }
  const number = (n: number, k: number) => {
    const at = Math.floor(k / block)
    return scales.at(n, at) * (code(n, k) - 2 ** (bits - 1)) + (offsets ? offsets.at(n, at) : 0)
  }
  return make([3, 5], (row, n) => total(Array.from({ length: columns }, (_, k) => x.at(row, k) * number(n, k))))
}

function stockCase(name: string, bits: 4 | 8, offset: boolean): OperatorCase {
  const blocks = columns / block
  return {
    operator: 'matmulStockQuantised',
    name,
    inputs: {
      x: exactInInt8(3, columns),
      codes: codes(5, blocks, 4 * bits),
      scales: floats(5, blocks),
      ...(offset && { offsets: floats(5, blocks) }),
    },
    build: ({ x, codes, scales, offsets }) =>
      matmulStockQuantised(x as Tensor, { codes: codes as Tensor, scales: scales as Tensor, offsets, bits }),
    reference: (inputs) => stockReference(bits, inputs),
  }
}

/** Products with quantised weights. */
export const quantisedCases: readonly OperatorCase[] = [
  {
    operator: 'matmulQuantised',
    name: 'two weights, one with a bias',
    inputs: { x: exactInInt8(3, columns), a: packedWeights(5), b: packedWeights(18), bias: floats(18) },
    build: ({ x, a, b, bias }) => matmulQuantised(x as Tensor, [weight(a, 5), weight(b, 18, bias)]),
    reference: ({ x, a, b, bias }) => [
      make([3, 5], (row, n) => dot(x as Plain, row, a as Plain, n)),
      make([3, 18], (row, n) => dot(x as Plain, row, b as Plain, n) + (bias as Plain).at(n)),
    ],
    second: true,
  },
  {
    operator: 'matmulQuantised',
    name: 'a sum behind it',
    inputs: { x: exactInInt8(2, columns), w: packedWeights(20), added: floats(2, 20) },
    build: ({ x, w, added }) =>
      matmulQuantised(x as Tensor, [weight(w, 20)], { added: added as Tensor, phase: 'prefill' }),
    reference: ({ x, w, added }) =>
      make([2, 20], (row, n) => dot(x as Plain, row, w as Plain, n) + (added as Plain).at(row, n)),
    // Where the processor has tiles, prefill rounds to bf16.
    tolerance: 1e-2,
  },
  {
    operator: 'matmulQuantised',
    name: 'a norm before it, a gated unit behind it',
    inputs: { x: exactInInt8(2, columns), norm: floats(columns), gate: packedWeights(4), up: packedWeights(4) },
    build: ({ x, norm, gate, up }) =>
      matmulQuantised(x as Tensor, [weight(gate, 4), weight(up, 4)], {
        norm: { weight: norm as Tensor, epsilon: 1e-5 },
        activation: 'silu',
      }),
    reference({ x, norm, gate, up }) {
      const rows = x as Plain
      const mean = (row: number) => total(Array.from({ length: columns }, (_, k) => rows.at(row, k) ** 2)) / columns
      const normal = make(
        [2, columns],
        (row, k) => (rows.at(row, k) / Math.sqrt(mean(row) + 1e-5)) * (norm as Plain).at(k),
      )
      return make([2, 4], (row, n) => {
        const g = dot(normal, row, gate as Plain, n)
        return (g / (1 + Math.exp(-g))) * dot(normal, row, up as Plain, n)
      })
    },
    // The kernel rounds what comes from the norm to int8.
    tolerance: 2e-2,
  },
  {
    operator: 'gatherQuantised',
    inputs: { table: packedWeights(20), ids: indices(20, 2, 3) },
    build: ({ table, ids }) => gatherQuantised(table as Tensor, { type: 'Q4_1', rows: 20, columns }, ids as Tensor),
    reference: ({ table, ids }) =>
      make([2, 3, columns], (row, place, k) => weightAt(table as Plain, (ids as Plain).at(row, place), k)),
    gradient: 'none',
  },
  {
    operator: 'groupedMatmulQuantised',
    name: 'two stacks',
    inputs: {
      a: exactInInt8(5, columns),
      offsets: integers(offsets, offsets.length),
      first: packedStack(3, 20),
      second: packedStack(3, 18),
    },
    build({ a, offsets, first, second }) {
      const stacks = [weight(first, 20), weight(second, 18)]
      return groupedMatmulQuantised(a as Tensor, stacks, offsets as Tensor)
    },
    reference: ({ a, first, second }) => [
      make([5, 20], (row, n) => dot(a as Plain, row, first as Plain, n, firstByte(row))),
      make([5, 18], (row, n) => dot(a as Plain, row, second as Plain, n, firstByte(row))),
    ],
    second: true,
  },
  {
    operator: 'groupedMatmulQuantised',
    name: 'a gated unit behind them',
    inputs: {
      a: exactInInt8(5, columns),
      offsets: integers(offsets, offsets.length),
      gate: packedStack(3, 17),
      up: packedStack(3, 17),
    },
    build({ a, offsets, gate, up }) {
      const stacks = [weight(gate, 17), weight(up, 17)]
      return groupedMatmulQuantised(a as Tensor, stacks, offsets as Tensor, { activation: 'silu' })
    },
    reference: ({ a, gate, up }) =>
      make([5, 17], (row, n) => {
        const g = dot(a as Plain, row, gate as Plain, n, firstByte(row))
        return (g / (1 + Math.exp(-g))) * dot(a as Plain, row, up as Plain, n, firstByte(row))
      }),
  },
  stockCase('4 bits and offsets', 4, true),
  stockCase('8 bits', 8, false),
]
