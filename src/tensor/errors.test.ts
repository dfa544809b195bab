import { describe, expect, it } from 'vitest'
import { R1Error } from '../errors.ts'
import {
  add,
  argMax,
  assign,
  attention,
  broadcastTo,
  clamp,
  concat,
  convolution,
  cumulativeProduct,
  custom,
  type Dimension,
  type DType,
  drawUniform,
  dropout,
  einsum,
  erf,
  flip,
  gather,
  gatherElements,
  gradients,
  groupNorm,
  layerNorm,
  linearCrossEntropy,
  log,
  logSumExp,
  matmul,
  maxPool,
  modulo,
  pad,
  reshape,
  rmsNorm,
  rope,
  scatterAddRows,
  scatterElements,
  scatterND,
  shiftLeft,
  slice,
  softmax,
  split,
  squeeze,
  sum,
  swiglu,
  type Tensor,
  tile,
  topK,
  trace,
  transpose,
  upperTriangle,
  variable,
  where,
} from './index.ts'

/** The error of a traced call on an input of each given type. */
function failure(body: (...inputs: Tensor[]) => unknown, ...types: [DType, ...Dimension[]][]): R1Error {
  const specs = types.map(([dtype, ...shape]) => ({ dtype, shape }))
  try {
    trace((inputs: readonly Tensor[]) => {
      body(...inputs)
      return []
    }, specs)
  } catch (error) {
    if (error instanceof R1Error) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

const f = (...shape: Dimension[]): [DType, ...Dimension[]] => ['f32', ...shape]
const i = (...shape: Dimension[]): [DType, ...Dimension[]] => ['i64', ...shape]

/** Name of the operator, what is wrong, the code, the call and its inputs. */
const mistakes: readonly [string, RegExp, string, (...x: Tensor[]) => unknown, ...[DType, ...Dimension[]][]][] = [
  [
    'add',
    /\[2, 3\] and \[4\] cannot be broadcast/,
    'shape-mismatch',
    (a, b) => add(a as Tensor, b as Tensor),
    f(2, 3),
    f(4),
  ],
  ['add', /f32 and i64 differ; cast/, 'dtype-mismatch', (a, b) => add(a as Tensor, b as Tensor), f(2), i(2)],
  [
    'add',
    /\[batch, 3\] and \[time, 3\]/,
    'shape-mismatch',
    (a, b) => add(a as Tensor, b as Tensor),
    f('batch', 3),
    f('time', 3),
  ],
  ['log', /i64 is not allowed/, 'dtype-mismatch', (x) => log(x as Tensor), i(2)],
  ['erf', /f64 is not allowed/, 'dtype-mismatch', (x) => erf(x as Tensor), ['f64', 2]],
  ['modulo', /f32 is not allowed/, 'dtype-mismatch', (x) => modulo(x as Tensor, x as Tensor), f(2)],
  ['where', /f32 is not allowed/, 'dtype-mismatch', (x) => where(x as Tensor, x as Tensor, 0), f(2)],
  ['clamp', /2 … 1 is no range/, 'bad-attribute', (x) => clamp(x as Tensor, 2, 1), f(2)],
  ['clamp', /NaN/, 'bad-attribute', (x) => clamp(x as Tensor, Number.NaN, 1), f(2)],
  ['shift', /by 64 bits/, 'bad-attribute', (x) => shiftLeft(x as Tensor, 64), i(2)],
  ['reshape', /\[2, 3\] do not fill \[4\]/, 'shape-mismatch', (x) => reshape(x as Tensor, [4]), f(2, 3)],
  ['reshape', /do not fill \[batch\]/, 'shape-mismatch', (x) => reshape(x as Tensor, ['batch']), f('batch', 3)],
  ['reshape', /do not fill/, 'shape-mismatch', (x) => reshape(x as Tensor, [4, -1]), f(2, 3)],
  [
    'transpose',
    /\[0,0\] is not an order of the axes of \[2, 3\]/,
    'bad-attribute',
    (x) => transpose(x as Tensor, [0, 0]),
    f(2, 3),
  ],
  ['broadcastTo', /\[2, 3\] and \[2, 4\]/, 'shape-mismatch', (x) => broadcastTo(x as Tensor, [2, 4]), f(2, 3)],
  [
    'concat',
    /differ in more than axis 0/,
    'shape-mismatch',
    (a, b) => concat([a as Tensor, b as Tensor], 0),
    f(2, 3),
    f(2, 4),
  ],
  [
    'concat',
    /axis 2 is not one of \[2, 3\]/,
    'bad-attribute',
    (a, b) => concat([a as Tensor, b as Tensor], 2),
    f(2, 3),
    f(2, 3),
  ],
  ['split', /\[1,1\] do not fill \[2, 3\]/, 'shape-mismatch', (x) => split(x as Tensor, [1, 1], 1), f(2, 3)],
  ['slice', /axes \[5\]/, 'bad-attribute', (x) => slice(x as Tensor, { 5: { start: 1 } }), f(2, 3)],
  ['slice', /whole numbers/, 'bad-attribute', (x) => slice(x as Tensor, { 0: { start: Number.NaN } }), f(2, 3)],
  ['slice', /step 0/, 'bad-attribute', (x) => slice(x as Tensor, { 0: { step: 0 } }), f(2, 3)],
  ['slice', /named axis batch/, 'bad-attribute', (x) => slice(x as Tensor, { 0: { step: 2 } }), f('batch', 3)],
  ['slice', /axes \[2\]/, 'bad-attribute', (x) => flip(x as Tensor, [2]), f(2, 3)],
  ['pad', /-1 is no number of places/, 'bad-attribute', (x) => pad(x as Tensor, { 0: [-1, 0] }), f(2, 3)],
  ['pad', /NaN/, 'bad-attribute', (x) => pad(x as Tensor, { 0: [1, 0] }, Number.NaN), f(2, 3)],
  ['tile', /0 is no number of copies/, 'bad-attribute', (x) => tile(x as Tensor, 0, 0), f(2, 3)],
  ['squeeze', /axis 1 has extent 3, not 1/, 'shape-mismatch', (x) => squeeze(x as Tensor, [1]), f(1, 3)],
  ['triangle', /\[3\] holds no matrices/, 'shape-mismatch', (x) => upperTriangle(x as Tensor), f(3)],
  ['triangle', /NaN is no diagonal/, 'bad-attribute', (x) => upperTriangle(x as Tensor, Number.NaN), f(3, 3)],
  ['sum', /axes \[2\] are not those of \[2, 3\]/, 'bad-attribute', (x) => sum(x as Tensor, { axes: [2] }), f(2, 3)],
  ['logSumExp', /booleans cannot be reduced/, 'dtype-mismatch', (x) => logSumExp(x as Tensor), ['bool', 3]],
  ['softmax', /axis 1 is not one of \[3\]/, 'bad-attribute', (x) => softmax(x as Tensor, 1), f(3)],
  ['softmax', /floating/, 'dtype-mismatch', (x) => softmax(x as Tensor), i(3)],
  ['argExtremum', /axis 3/, 'bad-attribute', (x) => argMax(x as Tensor, { axis: 3 }), f(3)],
  ['topK', /axis 0 has 3, not 4/, 'bad-attribute', (x) => topK(x as Tensor, 4), f(3)],
  ['topK', /NaN is no number of elements/, 'bad-attribute', (x) => topK(x as Tensor, Number.NaN), f(3)],
  [
    'cumulativeProduct',
    /needs a known extent/,
    'shape-mismatch',
    (x) => cumulativeProduct(x as Tensor, 0),
    f('batch', 3),
  ],
  ['gather', /indices must be i64 or i32/, 'dtype-mismatch', (a, b) => gather(a as Tensor, b as Tensor), f(4, 3), f(2)],
  ['gather', /axis 2/, 'bad-attribute', (a, b) => gather(a as Tensor, b as Tensor, 2), f(4, 3), i(2)],
  [
    'gatherElements',
    /must equal \[4, 3\]/,
    'shape-mismatch',
    (a, b) => gatherElements(a as Tensor, b as Tensor),
    f(4, 3),
    i(2, 3),
  ],
  [
    'scatterAddRows',
    /rows must be f32\[2, 3\]/,
    'shape-mismatch',
    (a, b, c) => scatterAddRows(a as Tensor, b as Tensor, c as Tensor),
    f(4, 3),
    i(2),
    f(2, 4),
  ],
  [
    'scatterElements',
    /differ in more than axis 1/,
    'shape-mismatch',
    (a, b, c) => scatterElements(a as Tensor, b as Tensor, c as Tensor),
    f(4, 3),
    i(2, 3),
    f(2, 3),
  ],
  [
    'scatterND',
    /tuples of 3 indices do not fit \[4, 3\]/,
    'shape-mismatch',
    (a, b, c) => scatterND(a as Tensor, b as Tensor, c as Tensor),
    f(4, 3),
    i(2, 3),
    f(2),
  ],
  [
    'matmul',
    /3 columns of the left operand do not meet 4 rows of the right one \(left \[2, 3\], right \[4, 5\]\)/,
    'shape-mismatch',
    (a, b) => matmul(a as Tensor, b as Tensor),
    f(2, 3),
    f(4, 5),
  ],
  [
    'matmul',
    /left \[3, 2\] transposed/,
    'shape-mismatch',
    (a, b) => matmul(a as Tensor, b as Tensor, { transposeA: true }),
    f(3, 2),
    f(4, 5),
  ],
  [
    'matmul',
    /\[2\] and \[3\] cannot be broadcast/,
    'shape-mismatch',
    (a, b) => matmul(a as Tensor, b as Tensor),
    f(2, 3, 4),
    f(3, 4, 5),
  ],
  [
    'matmul',
    /same floating dtype/,
    'dtype-mismatch',
    (a, b) => matmul(a as Tensor, b as Tensor),
    f(2, 3),
    ['f16', 3, 2],
  ],
  [
    'einsum',
    /'k' is 3 and 4/,
    'shape-mismatch',
    (a, b) => einsum('ik,kj->ij', a as Tensor, b as Tensor),
    f(2, 3),
    f(4, 5),
  ],
  ['einsum', /is not an equation/, 'bad-attribute', (a) => einsum('i->i->i', a as Tensor), f(2)],
  ['einsum', /a letter of its own/, 'shape-mismatch', (a) => einsum('ii->i', a as Tensor), f(2, 2)],
  [
    'convolution',
    /does not fit the channels/,
    'shape-mismatch',
    (a, b) => convolution(a as Tensor, b as Tensor),
    f(1, 3, 8),
    f(4, 2, 3),
  ],
  [
    'convolution',
    /a window of 9 does not fit into 8/,
    'shape-mismatch',
    (a, b) => convolution(a as Tensor, b as Tensor),
    f(1, 3, 8),
    f(4, 3, 9),
  ],
  [
    'convolution',
    /extent time of a window's axis must be known/,
    'shape-mismatch',
    (a, b) => convolution(a as Tensor, b as Tensor),
    f(1, 3, 'time'),
    f(4, 3, 2),
  ],
  [
    'convolution',
    /stride \[0\]/,
    'bad-attribute',
    (a, b) => convolution(a as Tensor, b as Tensor, { stride: 0 }),
    f(1, 3, 8),
    f(4, 3, 2),
  ],
  [
    'convolution',
    /padding \[NaN,NaN\]/,
    'bad-attribute',
    (a, b) => convolution(a as Tensor, b as Tensor, { padding: Number.NaN }),
    f(1, 3, 8),
    f(4, 3, 2),
  ],
  ['maxPool', /is not \[batch, channels/, 'shape-mismatch', (a) => maxPool(a as Tensor, { kernel: 2 }), f(3, 8)],
  ['swiglu', /\[2\] and \[3\] must be equal/, 'shape-mismatch', (a, b) => swiglu(a as Tensor, b as Tensor), f(2), f(3)],
  [
    'rmsNorm',
    /the weight must be f32\[3\], not \[4\]/,
    'shape-mismatch',
    (a, b) => rmsNorm(a as Tensor, b as Tensor),
    f(2, 3),
    f(4),
  ],
  [
    'layerNorm',
    /the weight must be/,
    'shape-mismatch',
    (a, b, c) => layerNorm(a as Tensor, b as Tensor, c as Tensor),
    f(2, 3),
    f(3),
    f(2),
  ],
  [
    'groupNorm',
    /do not form 2 groups/,
    'shape-mismatch',
    (a, b) => groupNorm(a as Tensor, b as Tensor, b as Tensor, 2),
    f(1, 3, 4),
    f(3),
  ],
  [
    'rope',
    /positions must be i64\[2, 3\]/,
    'shape-mismatch',
    (a, b, c) => rope(a as Tensor, b as Tensor, b as Tensor, c as Tensor),
    f(2, 3, 2, 4),
    f(5, 2),
    i(3),
  ],
  [
    'attention',
    /3 query heads do not share 2 key heads/,
    'shape-mismatch',
    (a, b) => attention(a as Tensor, b as Tensor, b as Tensor),
    f(1, 4, 3, 8),
    f(1, 4, 2, 8),
  ],
  [
    'attention',
    /differ in batch or head width/,
    'shape-mismatch',
    (a, b) => attention(a as Tensor, b as Tensor, b as Tensor),
    f(1, 4, 2, 8),
    f(1, 4, 2, 4),
  ],
  [
    'linearCrossEntropy',
    /differ in features/,
    'shape-mismatch',
    (a, b, c) => linearCrossEntropy(a as Tensor, b as Tensor, c as Tensor),
    f(2, 3),
    f(9, 4),
    i(2),
  ],
  [
    'linearCrossEntropy',
    /targets must be i64\[2\], not i64\[3\]/,
    'shape-mismatch',
    (a, b, c) => linearCrossEntropy(a as Tensor, b as Tensor, c as Tensor),
    f(2, 3),
    f(9, 3),
    i(3),
  ],
  ['dropout', /a rate of 1/, 'bad-attribute', (a, b) => dropout(a as Tensor, 1, b as Tensor, 's'), f(2), i()],
  ['randomWords', /the seed must be i64\[\]/, 'dtype-mismatch', (a) => drawUniform(a as Tensor, [2], 's'), f()],
]

describe('a mistake in a call', () => {
  it.each(mistakes)('%s: %s', (operator, message, code, body, ...types) => {
    const error = failure(body, ...types)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect(error.message.startsWith(`${operator}(`)).toBe(true)
  })

  it('names the types of all inputs and the line that the reader wrote', () => {
    const { message } = failure((a, b) => matmul(a as Tensor, b as Tensor), f('batch', 3), f(4, 5)) // this line
    const line = new Error('here').stack?.split('\n')[1]?.match(/:(\d+):\d+\)?$/)?.[1]
    expect(message).toContain('matmul(f32[batch, 3], f32[4, 5])')
    expect(message).toMatch(new RegExp(`at \\S*errors\\.test\\.ts:${Number(line) - 1}:\\d+\\.$`))
  })

  it('of a function made of operators has the same form', () => {
    const { message } = failure((x) => squeeze(x as Tensor, [0]), f(2)) // this line
    const line = new Error('here').stack?.split('\n')[1]?.match(/:(\d+):\d+\)?$/)?.[1]
    expect(message).toMatch(new RegExp(`^squeeze\\(f32\\[2\\]\\): .* at \\S*errors\\.test\\.ts:${Number(line) - 1}:`))
  })
})

describe('a mistake in the form of a traced function', () => {
  const codes: readonly [string, (x: Tensor) => unknown][] = [
    ['not-a-scalar', (x) => gradients(x, [x])],
    ['bad-assignment', (x) => assign(x, reshape(x, [1, 2]))],
    ['bad-assignment', (x) => assign(add(x, 1), x)],
    [
      'no-gradient',
      (x) =>
        gradients(
          sum(
            custom(
              [x],
              (y) => [y as Tensor],
              () => {
                throw new R1Error('no-gradient', 'none')
              },
            )[0] as Tensor,
          ),
          [x],
        ),
    ],
  ]

  it.each(codes)('%s', (code, body) => {
    expect(failure((x) => body(x as Tensor), f(2)).code).toBe(code)
  })

  it('is told for variables too', () => {
    expect(() => variable('w', { dtype: 'f32', shape: ['batch'] })).toThrow(/variable w needs known extents/)
    expect(() => trace(() => [], [{ dtype: 'f32', shape: [1.5] }])).toThrow(/1.5 is not a dimension/)
    expect(() => trace(() => [], [{ dtype: 'f32', shape: ['2*'] }])).toThrow(/'2\*' is not a dimension/)
  })
})
