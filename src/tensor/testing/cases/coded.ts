import { nf4Levels } from '../../codes.ts'
import { type CodeFormat, decodeMatrix, matmulCoded, type Tensor } from '../../index.ts'
import { type CaseInput, fixed, floats, type OperatorCase } from '../case.ts'
import { make, type Plain, total } from '../plain.ts'

interface Coded {
  readonly format: CodeFormat
  readonly rows: number
  readonly columns: number
  readonly block: number
  /** Whether something is added to the product. */
  readonly added?: boolean
  /** Whether the left operand is multiplied by the matrix as it lies, not by its transpose. */
  readonly transposed?: boolean
}

/** Codes of every value that their dtype has. */
export const codes = (format: CodeFormat, rows: number, columns: number): CaseInput => ({
  ...fixed(floats(rows, format === 'nf4' ? columns / 2 : columns)),
  dtype: format === 'nf4' ? 'u8' : 'i8',
  value: (uniform) => Math.floor(uniform * 256) - (format === 'nf4' ? 0 : 128),
})

/** The number at a place of the matrix, from its definition. */
function numberAt({ codes, scales }: Record<'codes' | 'scales', Plain>, { format, columns, block }: Coded) {
  return (row: number, column: number): number => {
    const at = row * columns + column
    const scale = scales.data[Math.floor(at / block)] as number
    if (format === 'int8') return scale * (codes.data[at] as number)
    const byte = codes.data[at >> 1] as number
    return scale * (nf4Levels[at % 2 === 0 ? byte >> 4 : byte & 15] as number)
  }
}

function codedCase(name: string, coded: Coded): OperatorCase {
  const { format, rows, columns, block, added, transposed = false } = coded
  const [depth, width] = transposed ? [rows, columns] : [columns, rows]
  const scales = fixed(floats(Math.ceil((rows * columns) / block)))
  return {
    operator: format === 'nf4' ? 'matmulNF4' : 'matmulInt8',
    name,
    inputs: {
      a: floats('batch', 2, depth),
      codes: codes(format, rows, columns),
      scales,
      ...(added ? { added: floats('batch', 2, width) } : {}),
    },
    build({ a, codes, scales, added }) {
      const matrix = { format, codes: codes as Tensor, scales: scales as Tensor, block }
      return matmulCoded(a as Tensor, matrix, { transposed, ...(added && { added }) })
    },
    reference({ a, added, ...stored }) {
      const weight = numberAt(stored as Record<'codes' | 'scales', Plain>, coded)
      return make([(a as Plain).shape[0] as number, 2, width], (b, t, n) => {
        const factor = (k: number) => (transposed ? weight(k, n) : weight(n, k))
        const terms = Array.from({ length: depth }, (_, k) => (a as Plain).at(b, t, k) * factor(k))
        return total(terms) + (added?.at(b, t, n) ?? 0)
      })
    },
    second: true,
  }
}

/** Products with matrices stored as codes. */
export const codedCases: readonly OperatorCase[] = [
  codedCase('blocks that end with the rows', { format: 'nf4', rows: 3, columns: 8, block: 4 }),
  codedCase('blocks across rows, the last one short, and an addition', {
    format: 'nf4',
    rows: 3,
    columns: 8,
    block: 10,
    added: true,
  }),
  codedCase('the matrix as it lies', { format: 'nf4', rows: 4, columns: 6, block: 6, transposed: true }),
  codedCase('a scale a row', { format: 'int8', rows: 4, columns: 6, block: 6 }),
  codedCase('blocks across rows, and an addition', { format: 'int8', rows: 4, columns: 6, block: 5, added: true }),
  {
    operator: 'gather',
    name: 'levels of codes',
    inputs: { codes: codes('nf4', 3, 8), scales: fixed(floats(6)) },
    build: ({ codes, scales }) =>
      decodeMatrix({ format: 'nf4', codes: codes as Tensor, scales: scales as Tensor, block: 4 }),
    reference: (stored) =>
      make(
        [3, 8],
        numberAt(stored as Record<'codes' | 'scales', Plain>, { format: 'nf4', rows: 3, columns: 8, block: 4 }),
      ),
    gradient: 'none',
  },
]
