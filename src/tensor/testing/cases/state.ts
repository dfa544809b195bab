import {
  type AdamWSlot,
  adamW,
  barrier,
  checkpoint,
  custom,
  drawWords,
  exp,
  multiply,
  sgd,
  square,
  stopGradient,
  subtract,
  type Tensor,
  tanh,
} from '../../index.ts'
import { randomWord, streamKey } from '../../random.ts'
import { between, type CaseInput, floats, given, type OperatorCase } from '../case.ts'
import { make, map, Plain, zip } from '../plain.ts'

const f32 = (of: CaseInput): CaseInput => ({ ...of, dtype: 'f32' })
const [first, second] = [f32(floats(2, 3)), f32(floats(4))]
const moments = [f32(floats(2, 3)), f32(floats(4)), f32(between(0.01, 1, 2, 3)), f32(between(0.01, 1, 4))] as const

/** √Σg² · scale, and the factor of each gradient. */
function clipping(gradients: readonly Plain[], scale: number, largest: number) {
  const norm = scale * Math.sqrt(gradients.flatMap(({ data }) => data).reduce((sum, g) => sum + g * g, 0))
  return { norm: make([], () => norm), factor: scale * (largest > 0 ? Math.min(1, largest / (norm + 1e-6)) : 1) }
}

const adamWHyper = [0.01, 0.9, 0.99, 1e-6, 0.1, 0.3, 0.05, 1.5, 0.5]

function adamWReference({ p0, p1, m0, m1, v0, v1, g0, g1 }: Record<string, Plain>): Plain[] {
  const [rate, b1, b2, epsilon, decay, c1, c2, largest, scale] = adamWHyper as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const { norm, factor } = clipping([g0 as Plain, g1 as Plain], scale, largest)
  const m = [
    [m0, g0],
    [m1, g1],
  ].map(([m, g]) => zip((old, gradient) => b1 * old + (1 - b1) * gradient * factor, m as Plain, g as Plain))
  const v = [
    [v0, g0],
    [v1, g1],
  ].map(([v, g]) => zip((old, gradient) => b2 * old + (1 - b2) * (gradient * factor) ** 2, v as Plain, g as Plain))
  const p = [p0, p1].map((parameter, index) =>
    zip(
      (old, m, v) =>
        old * (1 - rate * decay * (1 - index)) - ((rate / c1) * m) / (Math.sqrt(v) / Math.sqrt(c2) + epsilon),
      parameter as Plain,
      m[index] as Plain,
      v[index] as Plain,
    ),
  )
  return [norm, ...p, ...m, ...v]
}

const sgdHyper = [0.1, 0.9, 0.01, 0.8, 1]

function sgdReference({ p0, p1, u0, u1, g0, g1 }: Record<string, Plain>, nesterov: boolean): Plain[] {
  const [rate, momentum, decay, largest, scale] = sgdHyper as [number, number, number, number, number]
  const { norm, factor } = clipping([g0 as Plain, g1 as Plain], scale, largest)
  const slots = [
    [p0, u0, g0],
    [p1, u1, g1],
  ].map(([p, u, g]) => {
    const decayed = zip((parameter, gradient) => gradient * factor + decay * parameter, p as Plain, g as Plain)
    const velocity = zip((old, gradient) => momentum * old + gradient, u as Plain, decayed)
    const step = zip((gradient, moved) => (nesterov ? gradient + momentum * moved : moved), decayed, velocity)
    return { parameter: zip((old, change) => old - rate * change, p as Plain, step), velocity }
  })
  return [norm, ...slots.map(({ parameter }) => parameter), ...slots.map(({ velocity }) => velocity)]
}

function sgdCase(nesterov: boolean): OperatorCase {
  return {
    operator: 'sgd',
    name: nesterov ? 'Nesterov' : 'momentum',
    inputs: { hyper: f32(given(sgdHyper, 5)), p0: first, p1: second, u0: first, u1: second, g0: first, g1: second },
    build(inputs) {
      const slots = [0, 1].map((index) => ({
        parameter: inputs[`p${index}`] as Tensor,
        velocity: inputs[`u${index}`] as Tensor,
        gradient: inputs[`g${index}`] as Tensor,
      }))
      const result = sgd(inputs.hyper as Tensor, slots, { nesterov })
      return [result.norm, ...result.slots.map((slot) => slot.parameter), ...result.slots.map((slot) => slot.velocity)]
    },
    reference: (inputs) => sgdReference(inputs, nesterov),
    gradient: 'none',
  }
}

export const stateCases: readonly OperatorCase[] = [
  {
    operator: 'adamW',
    name: 'two tensors, clipped, one without decay',
    inputs: {
      hyper: f32(given(adamWHyper, 9)),
      p0: first,
      p1: second,
      m0: moments[0],
      m1: moments[1],
      v0: moments[2],
      v1: moments[3],
      g0: first,
      g1: second,
    },
    build(inputs) {
      const slots = [0, 1].map(
        (index): AdamWSlot => ({
          parameter: inputs[`p${index}`] as Tensor,
          firstMoment: inputs[`m${index}`] as Tensor,
          secondMoment: inputs[`v${index}`] as Tensor,
          gradient: inputs[`g${index}`] as Tensor,
          decay: index === 0 ? 1 : 0,
        }),
      )
      const result = adamW(inputs.hyper as Tensor, slots)
      const column = (pick: (slot: (typeof result.slots)[number]) => Tensor) => result.slots.map(pick)
      return [
        result.norm,
        ...column((slot) => slot.parameter),
        ...column((slot) => slot.firstMoment),
        ...column((slot) => slot.secondMoment),
      ]
    },
    reference: adamWReference,
    gradient: 'none',
  },
  sgdCase(false),
  sgdCase(true),
  {
    operator: 'stopGradient',
    inputs: { x: floats('batch', 3) },
    build: ({ x }) => stopGradient(exp(x as Tensor)),
    reference: ({ x }) => map(x as Plain, Math.exp),
    gradient: 'none',
  },
  {
    operator: 'barrier',
    inputs: { x: floats('batch', 3), after: floats(2, 2) },
    build: ({ x, after }) => barrier(x as Tensor, after as Tensor),
    reference: ({ x }) => x as Plain,
  },
  {
    operator: 'custom',
    inputs: { x: floats('batch', 3), y: floats('batch', 3) },
    build: ({ x, y }) =>
      custom(
        [x as Tensor, y as Tensor],
        (a, b) => [multiply(a as Tensor, tanh(b as Tensor))],
        ([dz], [a, b]) => {
          if (!dz || !a || !b) return []
          return [multiply(dz, tanh(b)), multiply(multiply(dz, a), subtract(1, square(tanh(b))))]
        },
      ),
    reference: ({ x, y }) => zip((a, b) => a * Math.tanh(b), x as Plain, y as Plain),
  },
  {
    operator: 'exp',
    name: 'in a checkpoint',
    inputs: { x: floats('batch', 3) },
    build: ({ x }) =>
      multiply(
        checkpoint('inner', () => tanh(exp(multiply(x as Tensor, x as Tensor)))),
        x as Tensor,
      ),
    reference: ({ x }) => map(x as Plain, (value) => Math.tanh(Math.exp(value * value)) * value),
  },
  {
    operator: 'randomWords',
    inputs: { seed: { ...given([7], 1), dtype: 'i64', shape: [], differentiable: false }, x: floats('batch', 3) },
    build: ({ seed, x }) => drawWords(seed as Tensor, (x as Tensor).shape, 'noise'),
    reference: ({ x }) => {
      const key = streamKey(7, 'noise')
      const { shape, data } = x as Plain
      return new Plain(
        shape,
        data.map((_, place) => randomWord(key, place)),
      )
    },
    gradient: 'none',
  },
]
