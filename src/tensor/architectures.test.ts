import { describe, expect, it } from 'vitest'
import { checkGradient } from '../runtime/testing/gradient-check.ts'
import { arraysOf, runCase } from '../runtime/testing/run-case.ts'
import {
  add,
  attention,
  convolution,
  cumulativeSum,
  divide,
  einsum,
  elu,
  expandDimension,
  gelu,
  greaterOrEqual,
  groupNorm,
  iota,
  matmul,
  max,
  maxPool,
  mean,
  multiply,
  oneHot,
  relu,
  repeat,
  reshape,
  slice,
  softmax,
  subtract,
  sum,
  swiglu,
  type Tensor,
  topK,
  transpose,
  where,
} from './index.ts'
import { differentiable, floats, type OperatorCase, outputsOf, valuesOf } from './testing/case.ts'

/** Parts of the architectures that the product has, written with the op table alone. */
type Part = Pick<OperatorCase, 'inputs' | 'build'>

const experts = 4
const parts: Readonly<Record<string, Part>> = {
  'experts with top-2 routing and a capacity': {
    inputs: { x: floats(6, 3), router: floats(experts, 3), up: floats(experts, 3, 5), down: floats(experts, 5, 3) },
    build({ x, router, up, down }) {
      const { values, indices } = topK(softmax(matmul(x as Tensor, router as Tensor, { transposeB: true })), 2)
      const weights = divide(values, sum(values, { axes: [1], keepDimensions: true }))
      // Each choice takes the next free slot of its expert; those beyond the capacity are left out.
      const chosen = reshape(oneHot(indices, experts, (x as Tensor).dtype), [12, experts])
      const slot = subtract(cumulativeSum(chosen, 0), 1)
      const places = equalTo(slot, 4, chosen)
      const inputs = einsum('nec,nd->ecd', places, repeat(x as Tensor, 2, 0))
      const outputs = matmul(relu(matmul(inputs, up as Tensor)), down as Tensor)
      const returned = einsum('nec,ecd->nd', places, outputs)
      return sum(reshape(multiply(returned, reshape(weights, [12, 1])), [6, 2, 3]), { axes: [1] })
    },
  },
  'linear attention, causal': {
    inputs: { q: floats('batch', 5, 3), k: floats('batch', 5, 3), v: floats('batch', 5, 2) },
    build({ q, k, v }) {
      const [a, b] = [add(elu(q as Tensor), 1), add(elu(k as Tensor), 1)]
      const state = cumulativeSum(einsum('bsd,bse->bsde', b, v as Tensor), 1)
      const normalizer = einsum('bsd,bsd->bs', a, cumulativeSum(b, 1))
      return divide(einsum('bsd,bsde->bse', a, state), expandDimension(normalizer, -1))
    },
  },
  'a local window beside every second key, gated': {
    inputs: {
      q: floats('batch', 6, 2, 4),
      k: floats('batch', 6, 2, 4),
      v: floats('batch', 6, 2, 4),
      gate: floats(2, 1),
    },
    build({ q, k, v, gate }) {
      const local = attention(q as Tensor, k as Tensor, v as Tensor, { window: 2 })
      const every = { 1: { start: 0, step: 2 } }
      const [keys, values] = [slice(k as Tensor, every), slice(v as Tensor, every)]
      const scores = einsum('bqhd,bkhd->bhqk', q as Tensor, keys)
      const ahead = greaterOrEqual(reshape(iota(6), [6, 1]), multiply(reshape(iota(3), [1, 3]), 2))
      const global = einsum('bhqk,bkhd->bqhd', softmax(where(ahead, scores, -1e9)), values)
      return add(local, multiply(global, gate as Tensor))
    },
  },
  'patches and a block of a vision transformer': {
    inputs: { image: floats('batch', 3, 4, 4), patch: floats(6, 3, 2, 2), mix: floats(6, 6) },
    build({ image, patch, mix }) {
      const map = convolution(image as Tensor, patch as Tensor, { stride: 2 })
      const tokens = transpose(reshape(map, [map.shape[0] ?? 0, 6, 4]))
      const heads = reshape(tokens, [map.shape[0] ?? 0, 4, 2, 3])
      const mixed = reshape(attention(heads, heads, heads, { causal: false }), tokens.shape)
      return gelu(matmul(add(tokens, mixed), mix as Tensor), 'tanh')
    },
  },
  'a convolutional encoder': {
    inputs: { image: floats('batch', 2, 6, 6), kernel: floats(4, 2, 3, 3), scale: floats(4), bias: floats(4) },
    build({ image, kernel, scale, bias }) {
      const features = convolution(image as Tensor, kernel as Tensor, { padding: 'same' })
      return mean(maxPool(groupNorm(features, scale as Tensor, bias as Tensor, 2), { kernel: 2 }), { axes: [2, 3] })
    },
  },
  'a set of points, whatever their order': {
    inputs: { points: floats('batch', 7, 3), up: floats(3, 5), gate: floats(3, 5) },
    build: ({ points, up, gate }) =>
      max(swiglu(matmul(points as Tensor, gate as Tensor), matmul(points as Tensor, up as Tensor)), { axes: [1] }),
  },
}

/** `[N, E, C]`: one where a choice has a slot of its expert. */
function equalTo(slot: Tensor, capacity: number, chosen: Tensor): Tensor {
  const places = where(greaterOrEqual(chosen, 0.5), slot, -1)
  const difference = subtract(expandDimension(places, -1), iota(capacity, chosen.dtype as 'f32'))
  return where(greaterOrEqual(multiply(difference, difference), 0.5), multiply(difference, 0), 1)
}

describe('parts of architectures made of the op table', () => {
  it.each(Object.entries(parts))(
    '%s: runs with any batch, and has the gradients of central differences',
    (name, part) => {
      const operatorCase: OperatorCase = { operator: 'part', name, ...part }
      const arrays = arraysOf(operatorCase, valuesOf(operatorCase), 'f64')
      const body = (inputs: Parameters<OperatorCase['build']>[0]) => outputsOf(operatorCase, inputs)
      const options = { by: differentiable(operatorCase), threads: 2, step: 1e-6, tolerance: 1e-6 }
      expect(checkGradient(body, arrays, options)).toEqual([])
      const dimensions = Object.fromEntries(Object.entries(part.inputs).map(([input, { shape }]) => [input, shape]))
      for (const kernels of [true, false]) {
        const [three, two] = runCase(operatorCase, [valuesOf(operatorCase, 3), valuesOf(operatorCase, 2)], 'f32', {
          dimensions,
          kernels,
        })
        const [again] = runCase(operatorCase, [valuesOf(operatorCase, 2)], 'f32', { kernels })
        expect(three?.[0]?.data.every(Number.isFinite)).toBe(true)
        two?.[0]?.data.forEach((value, place) => {
          expect(value).toBeCloseTo(again?.[0]?.data[place] as number, 4)
        })
      }
    },
  )
})
