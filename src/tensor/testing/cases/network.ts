import {
  type AttentionOptions,
  attention,
  type GeluForm,
  geglu,
  gelu,
  groupNorm,
  layerNorm,
  linearCrossEntropy,
  rmsNorm,
  rope,
  silu,
  swiglu,
  type Tensor,
} from '../../index.ts'
import { between, type CaseInput, fixed, floats, gradientCase, indices, integers, type OperatorCase } from '../case.ts'
import { errorFunction, make, map, type Plain, total, zip } from '../plain.ts'

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const mean = (values: readonly number[]): number => total(values) / values.length
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
const lastAxis = (x: Plain, index: readonly number[]): number[] =>
  range(x.shape.at(-1) as number).map((place) => x.at(...index.slice(0, -1), place))

function normalized(values: readonly number[], epsilon: number): number[] {
  const center = mean(values)
  const spread = mean(values.map((value) => (value - center) ** 2))
  return values.map((value) => (value - center) / Math.sqrt(spread + epsilon))
}

const swigluCase: OperatorCase = {
  operator: 'swiglu',
  inputs: { gate: floats('batch', 4), up: floats('batch', 4) },
  build: ({ gate, up }) => swiglu(gate as Tensor, up as Tensor),
  reference: ({ gate, up }) => zip((g, u) => g * sigmoid(g) * u, gate as Plain, up as Plain),
}
const geluCase: OperatorCase = {
  operator: 'gelu',
  name: 'exact',
  inputs: { x: floats('batch', 5) },
  build: ({ x }) => gelu(x as Tensor),
  reference: ({ x }) => map(x as Plain, (value) => (value / 2) * (1 + errorFunction(value / Math.SQRT2))),
  gradient: 'f32',
}
const geluTanhCase: OperatorCase = {
  operator: 'gelu',
  name: 'by tanh',
  inputs: { x: floats('batch', 5) },
  build: ({ x }) => gelu(x as Tensor, 'tanh'),
  reference: ({ x }) =>
    map(x as Plain, (v) => (v / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)))),
}
/** The same unit gated, with the values of gelu from its own case. */
function gegluCase(of: OperatorCase, approximate: GeluForm): OperatorCase {
  return {
    operator: 'geglu',
    name: of.name,
    inputs: { x: floats('batch', 5), up: floats('batch', 5) },
    build: ({ x, up }) => geglu(x as Tensor, up as Tensor, approximate),
    reference: ({ x, up }) => zip((g, u) => g * u, of.reference?.({ x: x as Plain }) as Plain, up as Plain),
    gradient: of.gradient,
  }
}
const gegluExactCase = gegluCase(geluCase, 'none')
const gegluTanhCase = gegluCase(geluTanhCase, 'tanh')
const rmsNormCase: OperatorCase = {
  operator: 'rmsNorm',
  inputs: { x: floats('batch', 3, 4), weight: between(0.5, 1.5, 4) },
  build: ({ x, weight }) => rmsNorm(x as Tensor, weight as Tensor, 1e-3),
  reference: ({ x, weight }) =>
    make((x as Plain).shape, (...index) => {
      const square = mean(lastAxis(x as Plain, index).map((value) => value * value))
      return ((x as Plain).at(...index) / Math.sqrt(square + 1e-3)) * (weight as Plain).at(index.at(-1) as number)
    }),
}
const layerNormCase: OperatorCase = {
  operator: 'layerNorm',
  inputs: { x: floats('batch', 3, 4), weight: between(0.5, 1.5, 4), bias: floats(4) },
  build: ({ x, weight, bias }) => layerNorm(x as Tensor, weight as Tensor, bias as Tensor, 1e-3),
  reference: ({ x, weight, bias }) =>
    make((x as Plain).shape, (...index) => {
      const column = index.at(-1) as number
      const value = normalized(lastAxis(x as Plain, index), 1e-3)[column] as number
      return value * (weight as Plain).at(column) + (bias as Plain).at(column)
    }),
}
const groupNormCase: OperatorCase = {
  operator: 'mean',
  name: 'groupNorm',
  inputs: { x: floats('batch', 4, 3), weight: between(0.5, 1.5, 4), bias: floats(4) },
  build: ({ x, weight, bias }) => groupNorm(x as Tensor, weight as Tensor, bias as Tensor, 2, 1e-3),
  reference: ({ x, weight, bias }) =>
    make((x as Plain).shape, (b, c, i) => {
      const first = Math.floor(c / 2) * 2
      const members = range(6).map((place) => (x as Plain).at(b, first + Math.floor(place / 3), place % 3))
      const value = normalized(members, 1e-3)[(c - first) * 3 + i] as number
      return value * (weight as Plain).at(c) + (bias as Plain).at(c)
    }),
}

function ropeCase(name: string, width: number, interleaved: boolean): OperatorCase {
  const half = 2
  return {
    operator: 'rope',
    name,
    inputs: {
      x: floats('batch', 3, 2, width),
      cos: fixed(floats(6, half)),
      sin: fixed(floats(6, half)),
      positions: indices(6, 'batch', 3),
    },
    build: ({ x, cos, sin, positions }) =>
      rope(x as Tensor, cos as Tensor, sin as Tensor, positions as Tensor, { interleaved }),
    reference: ({ x, cos, sin, positions }) =>
      make((x as Plain).shape, (b, t, h, j) => {
        const at = (feature: number) => (x as Plain).at(b, t, h, feature)
        if (j >= 2 * half) return at(j)
        const pair = interleaved ? Math.floor(j / 2) : j % half
        const [first, second] = interleaved ? [2 * pair, 2 * pair + 1] : [pair, pair + half]
        const angle = (table: Plain | undefined) => (table as Plain).at((positions as Plain).at(b, t), pair)
        return j === first
          ? at(first) * angle(cos) - at(second) * angle(sin)
          : at(second) * angle(cos) + at(first) * angle(sin)
      }),
    second: name === 'halves',
  }
}

interface AttentionCase extends Omit<AttentionOptions, 'segments' | 'offsets'> {
  readonly heads?: number
  readonly keyHeads?: number
  readonly queries?: number
  readonly keys?: number
  readonly segmented?: boolean
  /** The key at which the first query of each row stands. */
  readonly offsets?: readonly number[]
  readonly valueWidth?: number
}

/** Reference of attention: for each query the weighted mean of the values it sees. */
function attended({ q, k, v, segments, offsets }: Record<string, Plain>, options: AttentionCase): Plain {
  const { causal = true, window = 0, softcap = 0 } = options
  const [, queries, heads, width] = (q as Plain).shape as [number, number, number, number]
  const [, keys, keyHeads] = (k as Plain).shape as [number, number, number]
  const scale = options.scale ?? 1 / Math.sqrt(width)
  const shape = [...(q as Plain).shape.slice(0, 3), (v as Plain).shape[3] as number]
  return make(shape, (b, s, h, j) => {
    const lag = offsets ? offsets.at(b) : keys - queries
    const group = Math.floor(h / (heads / keyHeads))
    const sees = (t: number) => {
      const distance = s + lag - t
      if (causal && distance < 0) return false
      if (window > 0 && (distance >= window || (!causal && -distance >= window))) return false
      return !segments || segments.at(b, s) === segments.at(b, t)
    }
    const seen = range(keys).filter(sees)
    const score = (t: number) =>
      total(range(width).map((d) => (q as Plain).at(b, s, h, d) * (k as Plain).at(b, t, group, d)))
    const capped = (score: number) => (softcap ? softcap * Math.tanh(score / softcap) : score)
    const weights = seen.map((t) => Math.exp(capped(score(t) * scale)))
    return total(seen.map((t, index) => (weights[index] as number) * (v as Plain).at(b, t, group, j))) / total(weights)
  })
}

function attentionCase(name: string, options: AttentionCase): OperatorCase {
  const { heads = 2, keyHeads = 2, queries = 4, keys = 4, valueWidth = 3, segmented, offsets, ...visibility } = options
  const places: Record<string, CaseInput> = {
    ...(segmented && { segments: integers([0, 0, 1, 1, 2, 2, 2, -1], 'batch', queries) }),
    ...(offsets && { offsets: integers(offsets, 'batch') }),
  }
  return {
    operator: 'attention',
    name,
    inputs: {
      q: floats('batch', queries, heads, 3),
      k: floats('batch', keys, keyHeads, 3),
      v: floats('batch', keys, keyHeads, valueWidth),
      ...places,
    },
    build: ({ q, k, v, segments, offsets }) =>
      attention(q as Tensor, k as Tensor, v as Tensor, { ...visibility, segments, offsets }),
    reference: (inputs) => attended(inputs, options),
  }
}

const causal = attentionCase('causal', {})
const softCapped = attentionCase('soft cap', { softcap: 0.7, segmented: true, heads: 4 })

function lossCase(name: string, temperature: number, outputs: readonly ('loss' | 'entropy')[]): OperatorCase {
  return {
    operator: 'linearCrossEntropy',
    name,
    inputs: { hidden: floats('batch', 3), weight: floats(7, 3), targets: indices(7, 'batch') },
    build({ hidden, weight, targets }) {
      const found = linearCrossEntropy(hidden as Tensor, weight as Tensor, targets as Tensor, { temperature })
      return outputs.map((output) => found[output])
    },
    reference: ({ hidden, weight, targets }) =>
      outputs.map((output) =>
        make([(hidden as Plain).shape[0] as number], (t) => {
          const logits = range(7).map(
            (word) =>
              total(range(3).map((d) => (hidden as Plain).at(t, d) * (weight as Plain).at(word, d))) / temperature,
          )
          const normalizer = Math.log(total(logits.map(Math.exp)))
          const logarithms = logits.map((logit) => logit - normalizer)
          return output === 'loss'
            ? -(logarithms[(targets as Plain).at(t)] as number)
            : -total(logarithms.map((logarithm) => Math.exp(logarithm) * logarithm))
        }),
      ),
  }
}

const bothOutputs = lossCase('loss and entropy, temperature 1.7', 1.7, ['loss', 'entropy'])

export const networkCases: readonly OperatorCase[] = [
  swigluCase,
  gradientCase(swigluCase, 'swigluGradient', ['batch', 4]),
  {
    operator: 'sigmoid',
    name: 'silu',
    inputs: { x: floats('batch', 5) },
    build: ({ x }) => silu(x as Tensor),
    reference: ({ x }) => map(x as Plain, (value) => value * sigmoid(value)),
    second: true,
  },
  geluCase,
  geluTanhCase,
  gradientCase(geluTanhCase, 'geluGradient', ['batch', 5]),
  gradientCase(geluCase, 'geluGradient', ['batch', 5]),
  gegluExactCase,
  gegluTanhCase,
  gradientCase(gegluTanhCase, 'gegluGradient', ['batch', 5]),
  gradientCase(gegluExactCase, 'gegluGradient', ['batch', 5]),
  rmsNormCase,
  gradientCase(rmsNormCase, 'rmsNormGradient', ['batch', 3, 4]),
  layerNormCase,
  gradientCase(layerNormCase, 'layerNormGradient', ['batch', 3, 4]),
  groupNormCase,
  ropeCase('halves', 4, false),
  ropeCase('interleaved, with features that pass through', 6, true),
  causal,
  gradientCase(causal, 'attentionGradient', ['batch', 4, 2, 3]),
  attentionCase('full', { causal: false }),
  attentionCase('window', { window: 2 }),
  attentionCase('window on both sides, scaled', { causal: false, window: 2, scale: 0.3 }),
  attentionCase('segments', { segmented: true }),
  attentionCase('segments, full, window', { segmented: true, causal: false, window: 3 }),
  attentionCase('grouped heads', { heads: 4, keyHeads: 2 }),
  attentionCase('one key head', { heads: 3, keyHeads: 1, window: 3 }),
  attentionCase('queries at the end of more keys', { queries: 2, keys: 5, heads: 4, keyHeads: 2 }),
  softCapped,
  gradientCase(softCapped, 'attentionGradient', ['batch', 4, 4, 3]),
  attentionCase('slots of a cache', { queries: 2, keys: 7, offsets: [0, 4], heads: 4 }),
  attentionCase('slots of a cache, window', { queries: 3, keys: 7, offsets: [4, 1], window: 2 }),
  attentionCase('values of another width', { valueWidth: 5, heads: 4 }),
  lossCase('loss', 1, ['loss']),
  bothOutputs,
  lossCase('entropy alone', 0.8, ['entropy']),
  gradientCase(lossCase('loss', 1.3, ['loss']), 'linearCrossEntropyGradient', ['batch']),
  gradientCase(bothOutputs, 'linearCrossEntropyGradient', ['batch'], ['batch']),
]
