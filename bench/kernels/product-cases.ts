import { NDArray } from '../../src/runtime/array.ts'
import {
  add,
  attention,
  type CodeFormat,
  encodeInt8,
  encodeNF4,
  gradients,
  groupedMatmul,
  matmul,
  matmulCoded,
  matmulLora,
  multiply,
  sum,
  type Tensor,
} from '../../src/tensor/index.ts'
import { floats } from './arrays.ts'
import { both, type Case } from './cases.ts'

/*
 * Products and attention, sizes of a small language model's step. T tokens, D features, F feed-forward width, r rank,
 * E experts of width G, B sequences of S tokens, H heads of width d.
 */
const [T, D, F, r] = [1024, 576, 1536, 8]
const [E, G, rows] = [32, 256, 2048]
const [B, S, H, d] = [4, 512, 9, 64]

type Named = Record<string, Tensor>
const get = (inputs: Named, ...names: string[]) => names.map((name) => inputs[name] as Tensor)

const one = (precision: 'f32' | 'bf16'): Case[] =>
  both(
    `product ${precision}`,
    () => ({ x: floats([T, D]), w: floats([F, D]) }),
    () => floats([T, F]),
    ['x', 'w'],
    ({ x, w }) => matmul(x as Tensor, w as Tensor, { transposeB: true }),
    precision === 'bf16' ? precision : undefined,
  )

/** Query, key and value of one input: one node of three products, and the sum of three in the gradient. */
const threeWeights = () => ({ x: floats([T, D]), wq: floats([D, D]), wk: floats([D, D]), wv: floats([D, D]) })
const three = (inputs: Named) => {
  const [x, ...weights] = get(inputs, 'x', 'wq', 'wk', 'wv') as [Tensor, ...Tensor[]]
  return weights.map((weight) => matmul(x, weight, { transposeB: true }))
}
const many: Case[] = [
  { name: 'three products of one input bf16', inputs: threeWeights, body: three, precision: 'bf16' },
  {
    name: 'three products gradient bf16',
    inputs: threeWeights,
    body: (inputs) =>
      gradients(
        three(inputs)
          .map((y) => sum(multiply(y, y)))
          .reduce(add),
        get(inputs, 'x', 'wq', 'wk', 'wv'),
      ),
    precision: 'bf16',
  },
]

const lora = both(
  'adapted product bf16',
  () => ({ x: floats([T, D]), w: floats([F, D]), down: floats([r, D]), up: floats([F, r]) }),
  () => floats([T, F]),
  ['x', 'down', 'up'],
  ({ x, w, down, up }) => matmulLora(x as Tensor, w as Tensor, { down: down as Tensor, up: up as Tensor, scale: 2 }),
  'bf16',
)

const experts = Array.from({ length: E }, (_, expert) => `w${expert}`)
const grouped = (precision: 'f32' | 'bf16'): Case[] =>
  both(
    `products of ${E} experts ${precision}`,
    () => ({
      x: floats([rows, D]),
      offsets: NDArray.from(
        Array.from({ length: E + 1 }, (_, at) => (at * rows) / E),
        [E + 1],
        'i64',
      ),
      ...Object.fromEntries(experts.map((name) => [name, floats([G, D])])),
    }),
    () => floats([rows, G]),
    ['x', ...experts],
    (inputs) =>
      groupedMatmul(inputs.x as Tensor, get(inputs, ...experts), inputs.offsets as Tensor, { transposeB: true }),
    precision === 'bf16' ? precision : undefined,
  )

function coded(format: CodeFormat): Case[] {
  const inputs = () => {
    const weights = floats([F, D]).data as Float32Array
    const { codes, scales } = format === 'nf4' ? encodeNF4(weights) : encodeInt8(weights, D)
    const shape = [F, format === 'nf4' ? D / 2 : D]
    return {
      x: floats([T, D]),
      codes: NDArray.from([...codes], shape, format === 'nf4' ? 'u8' : 'i8'),
      scales: NDArray.from(scales, [scales.length]),
    }
  }
  return both(
    `product with ${format} weights bf16`,
    inputs,
    () => floats([T, F]),
    ['x'],
    ({ x, codes, scales }) => matmulCoded(x as Tensor, { format, codes: codes as Tensor, scales: scales as Tensor }),
    'bf16',
  )
}

const heads = () => floats([B, S, H, d])
const attentions = both(
  'attention',
  () => ({ q: heads(), k: heads(), v: heads() }),
  heads,
  ['q', 'k', 'v'],
  ({ q, k, v }) => attention(q as Tensor, k as Tensor, v as Tensor),
)

/** Products in all their forms, and attention. */
export const productCases: readonly Case[] = [
  ...one('f32'),
  ...one('bf16'),
  ...many,
  ...lora,
  ...grouped('f32'),
  ...grouped('bf16'),
  ...coded('nf4'),
  ...coded('int8'),
  ...attentions,
]
