import {
  averagePool,
  convolution,
  einsum,
  type MatmulOptions,
  matmul,
  matmulLora,
  maxPool,
  type Tensor,
  transposedConvolution,
} from '../../index.ts'
import { apply, applyOne } from '../../operator.ts'
import { matmulAddOperator } from '../../ops/matmul.ts'
import { matmulLoraOperator } from '../../ops/matmul-lora.ts'
import { matmulManyOperator, matmulSumOperator } from '../../ops/matmul-many.ts'
import { type CaseInput, fixed, floats, gradientCase, type OperatorCase } from '../case.ts'
import { indicesOf, make, type Plain, total } from '../plain.ts'

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
const sumOver = (extents: readonly number[], term: (...index: number[]) => number): number =>
  total(indicesOf(extents).map((index) => term(...index)))

interface Product {
  readonly name: string
  readonly a: CaseInput
  readonly b: CaseInput
  readonly options?: MatmulOptions
  readonly second?: boolean
}

/** Reference of `alpha · op(a) · op(b)` with broadcast batches. */
function multiplied(a: Plain, b: Plain, { transposeA, transposeB, alpha = 1 }: MatmulOptions = {}): Plain {
  const element = (x: Plain, turned: boolean | undefined) => (batch: readonly number[], row: number, column: number) =>
    x.at(...batch, ...(turned ? [column, row] : [row, column]))
  const [left, right] = [element(a, transposeA), element(b, transposeB)]
  const inner = a.shape.at(transposeA ? -2 : -1) as number
  const rank = Math.max(a.shape.length, b.shape.length) - 2
  const extent = (x: Plain, axis: number) => x.shape[axis - rank + x.shape.length - 2] ?? 1
  const batch = range(rank).map((axis) => Math.max(extent(a, axis), extent(b, axis)))
  const shape = [...batch, a.shape.at(transposeA ? -1 : -2) as number, b.shape.at(transposeB ? -2 : -1) as number]
  return make(shape, (...index) => {
    const [leading, row, column] = [index.slice(0, -2), index.at(-2) as number, index.at(-1) as number]
    return alpha * sumOver([inner], (k) => left(leading, row, k as number) * right(leading, k as number, column))
  })
}

const products: readonly Product[] = [
  { name: 'plain', a: floats('batch', 3), b: floats(3, 4), second: true },
  {
    name: 'both transposed, scaled',
    a: floats(3, 'batch'),
    b: floats(4, 3),
    options: { transposeA: true, transposeB: true, alpha: 0.5 },
    second: true,
  },
  { name: 'right transposed', a: floats('batch', 3), b: floats(4, 3), options: { transposeB: true } },
  { name: 'left transposed', a: floats(3, 2), b: floats(3, 4), options: { transposeA: true } },
  { name: 'many rows times a weight', a: floats('batch', 2, 3), b: floats(3, 4) },
  { name: 'batches', a: floats('batch', 2, 3, 4), b: floats('batch', 2, 5, 4), options: { transposeB: true } },
  { name: 'broadcast batches', a: floats('batch', 1, 2, 3), b: floats(3, 3, 4), second: true },
  { name: 'left operand broadcast', a: floats(2, 3), b: floats('batch', 3, 4) },
]

const einsums: readonly (readonly [string, readonly CaseInput[], (...x: Plain[]) => Plain])[] = [
  [
    'bqhd,bkhd->bhqk',
    [floats('batch', 3, 2, 4), floats('batch', 5, 2, 4)],
    (q, k) =>
      make([q.shape[0] as number, 2, 3, 5], (b, h, i, j) =>
        sumOver([4], (d) => q.at(b, i, h, d as number) * k.at(b, j, h, d as number)),
      ),
  ],
  [
    'ij,j->i',
    [floats('batch', 3), floats(3)],
    (a, x) => make([a.shape[0] as number], (i) => sumOver([3], (j) => a.at(i, j as number) * x.at(j as number))),
  ],
  ['ij->', [floats('batch', 3)], (a) => make([], () => total(a.data))],
  ['ijk->kj', [floats(2, 3, 4)], (a) => make([4, 3], (k, j) => sumOver([2], (i) => a.at(i as number, j, k)))],
  ['i,j->ji', [floats(2), floats(3)], (a, b) => make([3, 2], (j, i) => a.at(i) * b.at(j))],
  ['ab,bc,cd->ad', [floats('batch', 3), floats(3, 4), floats(4, 2)], (a, b, c) => multiplied(multiplied(a, b), c)],
  [
    'bsd,ed,be->bs',
    [floats('batch', 3, 2), floats(4, 2), floats('batch', 4)],
    (x, w, g) =>
      make([x.shape[0] as number, 3], (b, s) =>
        sumOver([2, 4], (d, e) => x.at(b, s, d as number) * w.at(e as number, d as number) * g.at(b, e as number)),
      ),
  ],
]

interface Geometry {
  readonly stride?: number
  readonly padding?: number
  readonly dilation?: number
  readonly groups?: number
}

/** Reference of a convolution over two axes. */
function convolved(
  x: Plain,
  w: Plain,
  bias: Plain,
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: Geometry,
): Plain {
  const [batch, , height, width] = x.shape as [number, number, number, number]
  const [features, channels, kh, kw] = w.shape as [number, number, number, number]
  const count = (extent: number, k: number) => Math.floor((extent + 2 * padding - dilation * (k - 1) - 1) / stride) + 1
  const pixel = (b: number, c: number, i: number, j: number) =>
    i < 0 || j < 0 || i >= height || j >= width ? 0 : x.at(b, c, i, j)
  return make([batch, features, count(height, kh), count(width, kw)], (b, f, i, j) => {
    const group = Math.floor(f / (features / groups))
    const term = (c: number, p: number, q: number) =>
      pixel(b, group * channels + c, i * stride + p * dilation - padding, j * stride + q * dilation - padding) *
      w.at(f, c, p, q)
    return bias.at(f) + sumOver([channels, kh, kw], (c, p, q) => term(c as number, p as number, q as number))
  })
}

/** Reference of the adjoint: every input spreads its window over the output. */
function spreadOut(
  x: Plain,
  w: Plain,
  extents: readonly [number, number],
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: Geometry,
): Plain {
  const [batch, features, height, width] = x.shape as [number, number, number, number]
  const [, channels, kh, kw] = w.shape as [number, number, number, number]
  return make([batch, channels * groups, ...extents], (b, c, i, j) => {
    const group = Math.floor(c / channels)
    return sumOver([features / groups, height, width, kh, kw], (f, y, z, p, q) => {
      const hit = y * stride + p * dilation - padding === i && z * stride + q * dilation - padding === j
      const feature = group * (features / groups) + f
      return hit ? x.at(b, feature, y, z) * w.at(feature, c % channels, p, q) : 0
    })
  })
}

/** `[B, C, L]` seen as `[B, C, 1, L]` by the references. */
const row = (x: Plain): Plain =>
  make([...x.shape.slice(0, -1), 1, x.shape.at(-1) as number], (...index) => x.at(...index.toSpliced(-2, 1)))
const line = (x: Plain): Plain => make(x.shape.toSpliced(-2, 1), (...index) => x.at(...index.toSpliced(-1, 0, 0)))

const images: readonly (readonly [string, CaseInput, CaseInput, Geometry])[] = [
  ['plain', floats('batch', 2, 4, 5), floats(3, 2, 2, 3), {}],
  ['stride and padding', floats('batch', 2, 5, 5), floats(3, 2, 3, 3), { stride: 2, padding: 1 }],
  ['dilation', floats('batch', 2, 5, 6), floats(2, 2, 2, 2), { dilation: 2, padding: 1 }],
  ['groups', floats('batch', 4, 4, 4), floats(6, 2, 3, 3), { groups: 2, padding: 1, stride: 2 }],
  ['each channel alone', floats('batch', 3, 4, 4), floats(3, 1, 3, 3), { groups: 3, padding: 1 }],
]

const windowValues = (
  x: Plain,
  b: number,
  c: number,
  i: number,
  j: number,
  size: number,
  stride: number,
  padding: number,
): number[] =>
  indicesOf([size, size]).flatMap(([p, q]) => {
    const [y, z] = [i * stride + (p as number) - padding, j * stride + (q as number) - padding]
    const inside = y >= 0 && z >= 0 && y < (x.shape[2] as number) && z < (x.shape[3] as number)
    return inside ? [x.at(b, c, y, z)] : []
  })

const pooled = (operator: string, call: typeof maxPool, combine: (values: number[]) => number): OperatorCase[] => [
  {
    operator,
    name: 'windows side by side',
    inputs: { x: floats('batch', 2, 4, 6) },
    build: ({ x }) => call(x as Tensor, { kernel: 2 }),
    reference: ({ x }) =>
      make([x?.shape[0] as number, 2, 2, 3], (b, c, i, j) => combine(windowValues(x as Plain, b, c, i, j, 2, 2, 0))),
  },
  {
    operator,
    name: 'overlapping windows with padding',
    inputs: { x: floats('batch', 1, 5, 5) },
    build: ({ x }) => call(x as Tensor, { kernel: 3, stride: 2, padding: 1 }),
    reference: ({ x }) =>
      make([x?.shape[0] as number, 1, 3, 3], (b, c, i, j) => combine(windowValues(x as Plain, b, c, i, j, 3, 2, 1))),
  },
  {
    operator,
    name: 'one axis',
    inputs: { x: floats('batch', 2, 7) },
    build: ({ x }) => call(x as Tensor, { kernel: 3, stride: 2 }),
    reference: ({ x }) =>
      make([x?.shape[0] as number, 2, 3], (b, c, i) => combine(range(3).map((p) => (x as Plain).at(b, c, i * 2 + p)))),
  },
]

/** Reference of a linear layer with an adapter of scale 0.5. */
function adapted(x: Plain, w: Plain, down: Plain, up: Plain): Plain {
  const inner = multiplied(x, down, { transposeB: true, alpha: 0.5 })
  const [base, more] = [multiplied(x, w, { transposeB: true }), multiplied(inner, up, { transposeB: true })]
  return make(base.shape, (...index) => base.at(...index) + more.at(...index))
}

/** Two frozen weights with adapters of different rank on one x: the form that `mergeProducts` makes. */
const loraOfTwo: OperatorCase = {
  operator: 'matmulLora',
  name: 'two frozen weights',
  inputs: {
    x: floats('batch', 2, 3),
    w: fixed(floats(4, 3)),
    down: floats(2, 3),
    up: floats(4, 2),
    w2: fixed(floats(5, 3)),
    down2: floats(1, 3),
    up2: floats(5, 1),
  },
  build: (inputs) =>
    apply(
      matmulLoraOperator,
      ['x', 'w', 'down', 'up', 'w2', 'down2', 'up2'].map((name) => inputs[name] as Tensor),
      { scale: 0.5, precision: 'f32' },
    ).slice(0, 2),
  reference: ({ x, w, down, up, w2, down2, up2 }) => [
    adapted(x as Plain, w as Plain, down as Plain, up as Plain),
    adapted(x as Plain, w2 as Plain, down2 as Plain, up2 as Plain),
  ],
}

export const productCases: readonly OperatorCase[] = [
  ...products.map(({ name, a, b, options, second }) => ({
    operator: 'matmul',
    name,
    second,
    inputs: { a, b },
    build: ({ a, b }: Record<string, Tensor>) => matmul(a as Tensor, b as Tensor, options),
    reference: ({ a, b }: Record<string, Plain>) => multiplied(a as Plain, b as Plain, options),
  })),
  {
    operator: 'matmulAdd',
    inputs: { a: floats('batch', 3), b: floats(4, 3), c: floats('batch', 4) },
    build: ({ a, b, c }) =>
      applyOne(matmulAddOperator, [a as Tensor, b as Tensor, c as Tensor], {
        transposeA: false,
        transposeB: true,
        alpha: 2,
        precision: 'f32',
      }),
    reference: ({ a, b, c }) => {
      const product = multiplied(a as Plain, b as Plain, { transposeB: true, alpha: 2 })
      return make(product.shape, (i, j) => product.at(i, j) + (c as Plain).at(i, j))
    },
  },
  {
    operator: 'matmulMany',
    inputs: { a: floats('batch', 3), b: floats(4, 3), c: floats(2, 3) },
    build: ({ a, b, c }) =>
      apply(matmulManyOperator, [a as Tensor, b as Tensor, c as Tensor], {
        transposeA: false,
        transposeB: true,
        alpha: 2,
        precision: 'f32',
      }),
    reference: ({ a, b, c }) =>
      [b, c].map((right) => multiplied(a as Plain, right as Plain, { transposeB: true, alpha: 2 })),
  },
  {
    operator: 'matmulSum',
    inputs: {
      a: floats('batch', 3),
      a2: floats('batch', 5),
      b: floats(3, 4),
      b2: floats(5, 4),
      added: floats('batch', 4),
    },
    build: (inputs) =>
      applyOne(
        matmulSumOperator,
        ['a', 'a2', 'b', 'b2', 'added'].map((name) => inputs[name] as Tensor),
        { terms: 2, transposeA: false, transposeB: false, alpha: 1, precision: 'f32' },
      ),
    reference: ({ a, a2, b, b2, added }) => {
      const products = [multiplied(a as Plain, b as Plain), multiplied(a2 as Plain, b2 as Plain), added as Plain]
      return make((added as Plain).shape, (...index) => total(products.map((product) => product.at(...index))))
    },
  },
  {
    operator: 'matmulLora',
    name: 'a base that is trained too',
    inputs: { x: floats('batch', 2, 3), w: floats(4, 3), down: floats(2, 3), up: floats(4, 2) },
    build: ({ x, w, down, up }) =>
      matmulLora(x as Tensor, w as Tensor, { down: down as Tensor, up: up as Tensor, scale: 0.5 }),
    reference: ({ x, w, down, up }) => adapted(x as Plain, w as Plain, down as Plain, up as Plain),
    second: true,
  },
  loraOfTwo,
  gradientCase(loraOfTwo, 'matmulLoraGradient', ['batch', 2, 4], ['batch', 2, 5]),
  ...einsums.map(
    ([equation, operands, reference]): OperatorCase => ({
      operator: equation.includes(',') ? 'matmul' : 'sum',
      name: `einsum ${equation}`,
      inputs: Object.fromEntries(operands.map((operand, index) => [String.fromCharCode(120 + index), operand])),
      build: (inputs) => einsum(equation, ...Object.values(inputs)),
      reference: (inputs) => reference(...Object.values(inputs)),
    }),
  ),
  ...images.map(
    ([name, x, w, geometry]): OperatorCase => ({
      operator: 'convolution',
      name,
      inputs: { x, w, bias: floats(Number(w.shape[0])) },
      build: ({ x, w, bias }) => convolution(x as Tensor, w as Tensor, { ...geometry, bias }),
      reference: ({ x, w, bias }) => convolved(x as Plain, w as Plain, bias as Plain, geometry),
      second: name === 'groups',
    }),
  ),
  {
    operator: 'convolution',
    name: 'one axis, as many outputs as inputs',
    inputs: { x: floats('batch', 2, 7), w: floats(3, 2, 3), bias: floats(3) },
    build: ({ x, w, bias }) => convolution(x as Tensor, w as Tensor, { padding: 'same', bias }),
    reference: ({ x, w, bias }) => {
      const padded = make([(x as Plain).shape[0] as number, 2, 9], (b, c, i) =>
        i < 1 || i > 7 ? 0 : (x as Plain).at(b, c, i - 1),
      )
      return line(convolved(row(padded), row(w as Plain), bias as Plain, {}))
    },
  },
  ...images.map(([name, y, w, geometry]): OperatorCase => {
    const features = Number(w.shape[0])
    const size = (extent: number, k: number) =>
      (extent - 1) * (geometry.stride ?? 1) - 2 * (geometry.padding ?? 0) + (geometry.dilation ?? 1) * (k - 1) + 1
    const extents = [size(3, Number(w.shape[2])), size(Number(y.shape[3]), Number(w.shape[3]))] as const
    return {
      operator: 'transposedConvolution',
      name,
      inputs: { x: floats('batch', features, 3, Number(y.shape[3])), w },
      build: ({ x, w }) => transposedConvolution(x as Tensor, w as Tensor, geometry),
      reference: ({ x, w }) => spreadOut(x as Plain, w as Plain, extents, geometry),
    }
  }),
  {
    operator: 'transposedConvolution',
    name: 'one axis, output padding',
    inputs: { x: floats('batch', 2, 3), w: floats(2, 2, 3) },
    build: ({ x, w }) => transposedConvolution(x as Tensor, w as Tensor, { stride: 2, outputPadding: 1 }),
    reference: ({ x, w }) => line(spreadOut(row(x as Plain), row(w as Plain), [1, 8], { stride: 2 })),
  },
  ...pooled('maxPool', maxPool, (values) => Math.max(...values)),
  ...pooled('averagePool', averagePool, (values) => total(values) / values.length),
]
