import type { NDArray } from '../../src/runtime/array.ts'
import {
  adamW,
  gather,
  geglu,
  gelu,
  gradients,
  layerNorm,
  linearCrossEntropy,
  logitSummary,
  rmsNorm,
  rope,
  sgd,
  swiglu,
  type Tensor,
} from '../../src/tensor/index.ts'
import { floats, integers } from './arrays.ts'

/** One line of the benchmark: a function that is compiled twice, with the native kernels and without. */
export interface Case {
  readonly name: string
  readonly inputs: () => Record<string, NDArray>
  readonly body: (inputs: Record<string, Tensor>) => unknown
  /** Operands of the kernel's products; the composite's are f32. */
  readonly precision?: 'f32' | 'bf16'
}

/*
 * Sizes of a small language model's step. T tokens, D features, F feed-forward width, V vocabulary, H heads of width d.
 */
const [T, D, F] = [4096, 576, 1536]
const [B, S, H, d] = [8, 512, 9, 64]
const [headTokens, V] = [512, 49152]

/** Names of the inputs by which is differentiated. */
type Names = readonly string[]

/** The function, and the gradients by `wrt` for a given gradient `dy` of its result. */
export function both(
  name: string,
  inputs: () => Record<string, NDArray>,
  dy: () => NDArray,
  wrt: Names,
  body: (inputs: Record<string, Tensor>) => Tensor,
  precision?: 'bf16',
): Case[] {
  const backward = (all: Record<string, Tensor>) =>
    gradients(
      body(all),
      wrt.map((key) => all[key] as Tensor),
      all.dy as Tensor,
    )
  return [
    { name, inputs, body, ...(precision && { precision }) },
    {
      name: `${name} gradient`,
      inputs: () => ({ ...inputs(), dy: dy() }),
      body: backward,
      ...(precision && { precision }),
    },
  ]
}

const rows = () => floats([T, D])
const wide = () => floats([T, F])

const norms: Case[] = [
  ...both(
    'rms norm',
    () => ({ x: rows(), w: floats([D]) }),
    rows,
    ['x', 'w'],
    ({ x, w }) => rmsNorm(x as Tensor, w as Tensor),
  ),
  ...both(
    'layer norm',
    () => ({ x: rows(), w: floats([D]), b: floats([D]) }),
    rows,
    ['x', 'w', 'b'],
    ({ x, w, b }) => layerNorm(x as Tensor, w as Tensor, b as Tensor),
  ),
]

const activations: Case[] = [
  ...both(
    'swiglu',
    () => ({ gate: wide(), up: wide() }),
    wide,
    ['gate', 'up'],
    ({ gate, up }) => swiglu(gate as Tensor, up as Tensor),
  ),
  ...both(
    'geglu tanh',
    () => ({ gate: wide(), up: wide() }),
    wide,
    ['gate', 'up'],
    ({ gate, up }) => geglu(gate as Tensor, up as Tensor, 'tanh'),
  ),
  ...both(
    'gelu',
    () => ({ x: wide() }),
    wide,
    ['x'],
    ({ x }) => gelu(x as Tensor),
  ),
  ...both(
    'gelu tanh',
    () => ({ x: wide() }),
    wide,
    ['x'],
    ({ x }) => gelu(x as Tensor, 'tanh'),
  ),
]

const heads = () => floats([B, S, H, d])
const positions: Case[] = both(
  'rope',
  () => ({ x: heads(), cos: floats([S, d / 2]), sin: floats([S, d / 2]), at: integers([B, S], S) }),
  heads,
  ['x'],
  ({ x, cos, sin, at }) => rope(x as Tensor, cos as Tensor, sin as Tensor, at as Tensor),
)

const head = (precision: 'f32' | 'bf16'): Case[] =>
  both(
    `linear cross-entropy ${precision}`,
    () => ({ hidden: floats([headTokens, D]), weight: floats([V, D]), targets: integers([headTokens], V) }),
    () => floats([headTokens]),
    ['hidden', 'weight'],
    ({ hidden, weight, targets }) => linearCrossEntropy(hidden as Tensor, weight as Tensor, targets as Tensor).loss,
    precision === 'bf16' ? precision : undefined,
  )
const losses: Case[] = [...head('f32'), ...head('bf16')]

/** What generation takes of the logits of eight rows. */
const summary: Case = {
  name: 'largest logits',
  inputs: () => ({ logits: floats([8, V]) }),
  body: ({ logits }) => logitSummary(logits as Tensor, 32),
}

const embedding = both(
  'embedding',
  () => ({ table: floats([V, D]), ids: integers([headTokens], V) }),
  () => floats([headTokens, D]),
  ['table'],
  ({ table, ids }) => gather(table as Tensor, ids as Tensor),
).slice(1)

const [tensors, size] = [40, 1 << 19]
const optimiser: Case = {
  name: `adamw ${tensors} × ${size}`,
  inputs() {
    const slots = Array.from({ length: tensors }, (_, index) => [
      [`p${index}`, floats([size])] as const,
      [`m${index}`, floats([size])] as const,
      [`v${index}`, floats([size], 0.5)] as const,
      [`g${index}`, floats([size])] as const,
    ])
    return { hyper: floats([9], 0.5), ...Object.fromEntries(slots.flat()) }
  },
  body(inputs) {
    const slot = (index: number) => ({
      parameter: inputs[`p${index}`] as Tensor,
      firstMoment: inputs[`m${index}`] as Tensor,
      secondMoment: inputs[`v${index}`] as Tensor,
      gradient: inputs[`g${index}`] as Tensor,
    })
    return adamW(
      inputs.hyper as Tensor,
      Array.from({ length: tensors }, (_, index) => slot(index)),
    )
  },
}

const sgdCase: Case = {
  name: `sgd ${tensors} × ${size}`,
  inputs() {
    const slots = Array.from({ length: tensors }, (_, index) =>
      ['p', 'v', 'g'].map((letter) => [`${letter}${index}`, floats([size])] as const),
    )
    return { hyper: floats([5], 0.5), ...Object.fromEntries(slots.flat()) }
  },
  body: (inputs) =>
    sgd(
      inputs.hyper as Tensor,
      Array.from({ length: tensors }, (_, index) => ({
        parameter: inputs[`p${index}`] as Tensor,
        velocity: inputs[`v${index}`] as Tensor,
        gradient: inputs[`g${index}`] as Tensor,
      })),
    ),
}

/** Every operator with a native kernel that works along rows. */
export const rowCases: readonly Case[] = [
  ...norms,
  ...activations,
  ...positions,
  ...losses,
  summary,
  ...embedding,
  optimiser,
  sgdCase,
]
