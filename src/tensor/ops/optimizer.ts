import { shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, defineOperator } from '../operator.ts'
import { sameShape, type TensorType } from '../shape.ts'
import { constant, fill } from './constant.ts'
import { add, divide, greater, less, minimum, multiply, sqrt, square, subtract, where } from './elementwise.ts'
import { gather } from './indexing.ts'
import { sum } from './reduction.ts'

/** Splits the inputs after the first into groups, each with the shapes of the first group (the parameters). */
function groupsOf<Type extends TensorType>(inputs: readonly Type[], groups: number): Type[][] {
  const tensors = inputs.slice(1)
  const count = tensors.length / groups
  if (!Number.isInteger(count) || count === 0) throw shapeViolation(`the tensors do not fill ${groups} groups`)
  tensors.forEach((tensor, index) => {
    if (!sameShape(tensor.shape, (tensors[index % count] as Type).shape)) {
      throw shapeViolation(
        `tensor ${index % count} of group ${Math.floor(index / count)} has another shape than its parameter`,
      )
    }
  })
  return Array.from({ length: groups }, (_, group) => tensors.slice(group * count, (group + 1) * count))
}

const scalarOf = (type: TensorType | undefined): TensorType => ({ dtype: type?.dtype ?? 'f32', shape: [] })
const isFloat32 = (inputs: readonly TensorType[]): boolean => inputs.every((type) => type.dtype === 'f32')

/** Entry `index` of a vector of hyper-parameters. */
function entry(hyper: Tensor, index: number): Tensor {
  return gather(hyper, constant(index, { dtype: 'i64' }))
}

/** √Σg² of all gradients together, whether it is finite, and the factor that scales and clips each gradient. */
function globalNorm(gradients: readonly Tensor[], scale: Tensor, largest: Tensor) {
  const norm = multiply(sqrt(gradients.map((gradient) => sum(square(gradient))).reduce(add)), scale)
  const clipped = minimum(divide(largest, add(norm, 1e-6)), 1)
  const factor = multiply(where(greater(largest, 0), clipped, fill([], 1, norm.dtype)), scale)
  return { norm, factor, finite: less(norm, Number.POSITIVE_INFINITY) }
}

type AdamWAttributes = { readonly decay: readonly number[] }

const adamWOperator = defineOperator<AdamWAttributes>({
  name: 'adamW',
  summary: 'AdamW over many tensors, with decoupled weight decay and clipping by the global norm',
  constant: true,
  elementwise: true,
  infer(inputs) {
    const [parameters = [], first = [], second = []] = groupsOf(inputs, 4)
    return [scalarOf(inputs[0]), ...parameters, ...first, ...second]
  },
  composite(inputs, { decay }) {
    const hyper = inputs[0] as Tensor
    const [parameters = [], first = [], second = [], gradients = []] = groupsOf(inputs, 4)
    const [rate, beta1, beta2, epsilon, weightDecay, correction1, correction2, largest, scale] = Array.from(
      { length: 9 },
      (_, index) => entry(hyper, index),
    ) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]
    const { norm, factor, finite } = globalNorm(gradients, scale, largest)
    const step = divide(rate, correction1)
    const root = sqrt(correction2)
    const updated = parameters.map((parameter, index) => {
      const [m, v] = [first[index] as Tensor, second[index] as Tensor]
      const g = multiply(gradients[index] as Tensor, factor)
      const m1 = add(multiply(m, beta1), multiply(g, subtract(1, beta1)))
      const v1 = add(multiply(v, beta2), multiply(square(g), subtract(1, beta2)))
      const kept = multiply(parameter, subtract(1, multiply(multiply(rate, weightDecay), decay[index] ?? 1)))
      const p1 = subtract(kept, multiply(divide(m1, add(divide(sqrt(v1), root), epsilon)), step))
      return [where(finite, p1, parameter), where(finite, m1, m), where(finite, v1, v)] as const
    })
    return [norm, ...[0, 1, 2].flatMap((group) => updated.map((tensors) => tensors[group] as Tensor))]
  },
  kernel: {
    operator: 'AdamW',
    supports: isFloat32,
    lower: (emitter, { inputs, attributes: { decay }, outputTypes }) =>
      emitter.node(
        'AdamW',
        inputs,
        { decay: { floats: decay } },
        {
          domain: 'r1',
          outputs: outputTypes.length,
          types: outputTypes,
        },
      ),
  },
})

/** State of AdamW for one parameter, all of one shape. */
export interface AdamWSlot {
  readonly parameter: Tensor
  readonly firstMoment: Tensor
  readonly secondMoment: Tensor
  readonly gradient: Tensor
  /** Factor of the weight decay for this tensor: 0 for norms and biases, 1 without it. */
  readonly decay?: number
}

/**
 * One step of AdamW (Loshchilov & Hutter 2017, arXiv:1711.05101) over many tensors.
 * Where the global norm is not finite, everything stays as it was.
 *
 * @param hyper f32 `[9]`: learning rate, β₁, β₂, ε, weight decay, 1 − β₁ᵗ, 1 − β₂ᵗ, largest norm (≤ 0: none), gradient scale
 * @returns the updated tensors in the order of the slots, and the global norm before clipping
 */
export function adamW(hyper: Tensor, slots: readonly AdamWSlot[]) {
  const column = (pick: (slot: AdamWSlot) => Tensor) => slots.map(pick)
  const outputs = apply(
    adamWOperator,
    [
      hyper,
      ...column((slot) => slot.parameter),
      ...column((slot) => slot.firstMoment),
      ...column((slot) => slot.secondMoment),
      ...column((slot) => slot.gradient),
    ],
    { decay: slots.map((slot) => slot.decay ?? 1) },
  )
  const [norm, ...tensors] = outputs as [Tensor, ...Tensor[]]
  const count = slots.length
  return {
    norm,
    slots: slots.map((_, index) => ({
      parameter: tensors[index] as Tensor,
      firstMoment: tensors[count + index] as Tensor,
      secondMoment: tensors[2 * count + index] as Tensor,
    })),
  }
}

type SgdAttributes = { readonly decay: readonly number[]; readonly nesterov: boolean }

const sgdOperator = defineOperator<SgdAttributes>({
  name: 'sgd',
  summary: 'Stochastic gradient descent with momentum over many tensors, with weight decay and clipping',
  constant: true,
  elementwise: true,
  infer(inputs) {
    const [parameters = [], velocities = []] = groupsOf(inputs, 3)
    return [scalarOf(inputs[0]), ...parameters, ...velocities]
  },
  composite(inputs, { decay, nesterov }) {
    const hyper = inputs[0] as Tensor
    const [parameters = [], velocities = [], gradients = []] = groupsOf(inputs, 3)
    const [rate, momentum, weightDecay, largest, scale] = Array.from({ length: 5 }, (_, index) =>
      entry(hyper, index),
    ) as [Tensor, Tensor, Tensor, Tensor, Tensor]
    const { norm, factor, finite } = globalNorm(gradients, scale, largest)
    const updated = parameters.map((parameter, index) => {
      const velocity = velocities[index] as Tensor
      const decayed = multiply(parameter, multiply(weightDecay, decay[index] ?? 1))
      const g = add(multiply(gradients[index] as Tensor, factor), decayed)
      const next = add(multiply(velocity, momentum), g)
      const direction = nesterov ? add(g, multiply(next, momentum)) : next
      return [
        where(finite, subtract(parameter, multiply(direction, rate)), parameter),
        where(finite, next, velocity),
      ] as const
    })
    return [norm, ...[0, 1].flatMap((group) => updated.map((tensors) => tensors[group] as Tensor))]
  },
  kernel: {
    operator: 'Sgd',
    supports: isFloat32,
    lower: (emitter, { inputs, attributes: { decay, nesterov }, outputTypes }) =>
      emitter.node(
        'Sgd',
        inputs,
        { decay: { floats: decay }, velocities: 1, nesterov: nesterov ? 1 : 0 },
        { domain: 'r1', outputs: outputTypes.length, types: outputTypes },
      ),
  },
})

/** State of SGD for one parameter, all of one shape. */
export interface SgdSlot {
  readonly parameter: Tensor
  readonly velocity: Tensor
  readonly gradient: Tensor
  readonly decay?: number
}

/**
 * One step of stochastic gradient descent with momentum (Sutskever et al. 2013) over many tensors.
 *
 * @param hyper f32 `[5]`: learning rate, momentum, weight decay, largest norm (≤ 0: none), gradient scale
 */
export function sgd(hyper: Tensor, slots: readonly SgdSlot[], options: { nesterov?: boolean } = {}) {
  const column = (pick: (slot: SgdSlot) => Tensor) => slots.map(pick)
  const inputs = [hyper, ...column((slot) => slot.parameter), ...column((slot) => slot.velocity)]
  const outputs = apply(sgdOperator, [...inputs, ...column((slot) => slot.gradient)], {
    decay: slots.map((slot) => slot.decay ?? 1),
    nesterov: options.nesterov ?? false,
  })
  const [norm, ...tensors] = outputs as [Tensor, ...Tensor[]]
  return {
    norm,
    slots: slots.map((_, index) => ({
      parameter: tensors[index] as Tensor,
      velocity: tensors[slots.length + index] as Tensor,
    })),
  }
}
