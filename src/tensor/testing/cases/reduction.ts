import {
  all,
  any,
  argMax,
  argMin,
  argSort,
  cumulativeProduct,
  cumulativeSum,
  logitSummary,
  logSoftmax,
  logSumExp,
  max,
  mean,
  min,
  product,
  type ReductionOptions,
  softmax,
  sort,
  sum,
  type Tensor,
  topK,
  variance,
} from '../../index.ts'
import { booleans, type CaseInput, floats, given, type OperatorCase } from '../case.ts'
import { along, make, Plain, reduce, total } from '../plain.ts'

const average = (values: readonly number[]): number => total(values) / values.length
const normalizer = (values: readonly number[]): number => Math.log(total(values.map(Math.exp)))

const one = (
  operator: string,
  x: CaseInput,
  call: (x: Tensor) => Tensor | readonly Tensor[],
  reference: (x: Plain) => Plain | readonly Plain[],
  more: Partial<OperatorCase> = {},
): OperatorCase => ({
  operator,
  inputs: { x },
  build: ({ x }) => call(x as Tensor),
  reference: ({ x }) => reference(x as Plain),
  ...more,
})

type Reduction = readonly [
  string,
  (x: Tensor, options?: ReductionOptions) => Tensor,
  (values: number[]) => number,
  Partial<OperatorCase>?,
]

const reductions: readonly Reduction[] = [
  ['sum', sum, total, { second: true }],
  ['mean', mean, average, { second: true }],
  ['max', max, (values) => Math.max(...values)],
  ['min', min, (values) => Math.min(...values)],
  ['product', product, (values) => values.reduce((result, value) => result * value, 1)],
  ['logSumExp', logSumExp, normalizer, { second: true }],
]

const flat = (x: Plain): Plain => new Plain([x.data.length], x.data)

const plainReductions = reductions.flatMap(([operator, call, combine, more]) => [
  one(
    operator,
    floats('batch', 3, 4),
    (x) => call(x, { axes: [1] }),
    (x) => reduce(x, 1, combine),
    { name: 'one axis', ...more },
  ),
  one(
    operator,
    floats('batch', 3),
    (x) => call(x, { axes: [0], keepDimensions: true }),
    (x) => reduce(x, 0, combine, true),
    { name: 'the named axis, kept' },
  ),
  one(
    operator,
    floats('batch', 3),
    (x) => call(x),
    (x) => reduce(flat(x), 0, combine),
    { name: 'all axes' },
  ),
])

const ties = given([3, -1, 3, 0.5, 2, -4, 2, 2], 'batch', 4)
const places = (values: readonly number[], descending: boolean): number[] =>
  values
    .map((_, place) => place)
    .sort((a, b) => (descending ? 1 : -1) * ((values[b] as number) - (values[a] as number)) || a - b)
const sorted = (values: readonly number[], descending: boolean): number[] =>
  places(values, descending).map((place) => values[place] as number)
const first = (x: Plain, count: number): Plain => make(x.shape.with(-1, count), (...index) => x.at(...index))
const truth = (condition: boolean): number => (condition ? 1 : 0)

const running = (values: readonly number[], exclusive: boolean): number[] =>
  values.map((_, place) => total(values.slice(0, exclusive ? place : place + 1)))

export const reductionCases: readonly OperatorCase[] = [
  ...plainReductions,
  one(
    'product',
    given([0, 2, 3, 0, 0, 5, 1.5, 2, -2], 3, 3),
    (x) => product(x, { axes: [1] }),
    (x) => reduce(x, 1, (v) => v.reduce((a, b) => a * b)),
    { name: 'with zeros' },
  ),
  one(
    'max',
    ties,
    (x) => max(x, { axes: [1] }),
    (x) => reduce(x, 1, (v) => Math.max(...v)),
    { name: 'of equals', gradient: 'none' },
  ),
  one(
    'mean',
    floats('batch', 5),
    (x) => variance(x, { axes: [1] }),
    (x) => reduce(x, 1, (v) => average(v.map((value) => (value - average(v)) ** 2))),
    { name: 'variance', second: true },
  ),
  one(
    'softmax',
    floats('batch', 5),
    (x) => softmax(x),
    (x) => along(x, -1, (v) => v.map((value) => Math.exp(value - normalizer(v)))),
    { second: true },
  ),
  one(
    'softmax',
    floats('batch', 5, 2),
    (x) => softmax(x, 1),
    (x) => along(x, 1, (v) => v.map((value) => Math.exp(value - normalizer(v)))),
    { name: 'inner axis' },
  ),
  one(
    'logSoftmax',
    floats('batch', 5),
    (x) => logSoftmax(x),
    (x) => along(x, -1, (v) => v.map((value) => value - normalizer(v))),
    { second: true },
  ),
  one(
    'any',
    booleans('batch', 3),
    (x) => [any(x), any(x, { axes: [-1], keepDimensions: true })],
    (x) => [reduce(flat(x), 0, (v) => truth(v.some(Boolean))), reduce(x, 1, (v) => truth(v.some(Boolean)), true)],
    { gradient: 'none' },
  ),
  one(
    'any',
    booleans('batch', 3),
    (x) => all(x, { axes: [0] }),
    (x) => reduce(x, 0, (v) => truth(v.every(Boolean))),
    { name: 'all', gradient: 'none' },
  ),
  one(
    'argExtremum',
    ties,
    (x) => [argMax(x), argMax(x, { axis: 0, keepDimensions: true })],
    (x) => [reduce(x, 1, (v) => v.indexOf(Math.max(...v))), reduce(x, 0, (v) => v.indexOf(Math.max(...v)), true)],
    { name: 'largest', gradient: 'none' },
  ),
  one(
    'argExtremum',
    ties,
    (x) => argMin(x),
    (x) => reduce(x, 1, (v) => v.indexOf(Math.min(...v))),
    { name: 'smallest', gradient: 'none' },
  ),
  one(
    'topK',
    floats('batch', 6),
    (x) => [topK(x, 3).values, topK(x, 3).indices],
    (x) => [
      first(
        along(x, 1, (v) => sorted(v, true)),
        3,
      ),
      first(
        along(x, 1, (v) => places(v, true)),
        3,
      ),
    ],
  ),
  one(
    'logitSummary',
    floats('batch', 6),
    (x) => {
      const { values, tokens, logSumExp: normalizer } = logitSummary(x, 3)
      return [values, tokens, normalizer]
    },
    (x) => [
      first(
        along(x, 1, (v) => sorted(v, true)),
        3,
      ),
      first(
        along(x, 1, (v) => places(v, true)),
        3,
      ),
      reduce(x, 1, (v) => Math.log(v.reduce((sum, logit) => sum + Math.exp(logit), 0))),
    ],
    { gradient: 'none' },
  ),
  one(
    'topK',
    floats('batch', 3, 4),
    (x) => topK(x, 2, { axis: 2, largest: false }).values,
    (x) =>
      first(
        along(x, 2, (v) => sorted(v, false)),
        2,
      ),
    { name: 'smallest' },
  ),
  one(
    'topK',
    floats('batch', 5),
    (x) => sort(x, { axis: 0 }).values,
    (x) => along(x, 0, (v) => sorted(v, false)),
    { name: 'sort along a named axis' },
  ),
  one(
    'topK',
    ties,
    (x) => [sort(x, { descending: true }).values, argSort(x, { descending: true })],
    (x) => [along(x, 1, (v) => sorted(v, true)), along(x, 1, (v) => places(v, true))],
    { name: 'sort keeps the order of equals', gradient: 'none' },
  ),
  ...[false, true].map((exclusive) =>
    one(
      'cumulativeSum',
      floats('batch', 4),
      (x) => cumulativeSum(x, 1, { exclusive }),
      (x) => along(x, 1, (v) => running(v, exclusive)),
      { name: exclusive ? 'exclusive' : 'inclusive', second: true },
    ),
  ),
  one(
    'cumulativeSum',
    floats('batch', 4),
    (x) => cumulativeSum(x, 0, { exclusive: true, reverse: true }),
    (x) => along(x, 0, (v) => running(v.toReversed(), true).toReversed()),
    { name: 'from the end of a named axis' },
  ),
  one(
    'multiply',
    given([0.5, -2, 0, 3, 1.5, 0.3, -1], 'batch', 6),
    (x) => cumulativeProduct(x),
    (x) => along(x, 1, (v) => v.map((_, place) => v.slice(0, place + 1).reduce((a, b) => a * b, 1))),
    { name: 'cumulativeProduct' },
  ),
]
