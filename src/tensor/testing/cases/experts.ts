import { expertDispatch, groupedMatmul, type Tensor } from '../../index.ts'
import { floats, gradientCase, indices, integers, type OperatorCase } from '../case.ts'
import { make, type Plain, total } from '../plain.ts'

/** First rows of four experts, the second of which has none, and the number of rows. */
const offsets = [0, 2, 2, 5, 6]
const experts = offsets.slice(1).map((_, expert) => expert)
const [rows, depth, width] = [6, 3, 4]

function groupedCase(name: string, transposeB: boolean): OperatorCase {
  const weight = transposeB ? floats(width, depth) : floats(depth, width)
  return {
    operator: 'groupedMatmul',
    name,
    inputs: {
      a: floats(rows, depth),
      offsets: integers(offsets, offsets.length),
      ...Object.fromEntries(experts.map((expert) => [`w${expert}`, weight])),
    },
    build({ a, offsets, ...inputs }) {
      const weights = experts.map((expert) => inputs[`w${expert}`] as Tensor)
      return groupedMatmul(a as Tensor, weights, offsets as Tensor, { transposeB })
    },
    reference: ({ a, ...inputs }) =>
      make([rows, width], (row, column) => {
        const expert = experts.find((candidate) => row < (offsets[candidate + 1] as number))
        const weight = inputs[`w${expert}`] as Plain
        const element = (k: number) => (transposeB ? weight.at(column, k) : weight.at(k, column))
        return total(Array.from({ length: depth }, (_, k) => (a as Plain).at(row, k) * element(k)))
      }),
    second: true,
  }
}

const grouped = groupedCase('plain', false)
const transposed = groupedCase('weights transposed', true)

/** Products of a mixture of experts. */
export const expertCases: readonly OperatorCase[] = [
  grouped,
  transposed,
  gradientCase(grouped, 'groupedWeightGradient', [rows, width]),
  gradientCase(transposed, 'groupedWeightGradient', [rows, width]),
  {
    operator: 'expertDispatch',
    inputs: { experts: indices(5, 7, 2) },
    build({ experts }) {
      const { order, places, offsets } = expertDispatch(experts as Tensor, 5)
      return [order, places, offsets]
    },
    reference({ experts }) {
      const choices = [...(experts as Plain).data]
      const sorted = [...choices.keys()].sort((a, b) => (choices[a] as number) - (choices[b] as number) || a - b)
      return [
        make([14], (row) => sorted[row] as number),
        make([7, 2], (token, choice) => sorted.indexOf(2 * token + choice)),
        make([6], (expert) => choices.filter((choice) => choice < expert).length),
      ]
    },
    gradient: 'none',
  },
]
