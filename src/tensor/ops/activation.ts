import { isFloating } from '../dtype.ts'
import { dtypeViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, applyOne, defineOperator } from '../operator.ts'
import { formatShape, sameShape, type TensorType } from '../shape.ts'
import { add, erf, exp, multiply, sigmoid, square, subtract, tanh } from './elementwise.ts'
import { inStorage, type Stored } from './stored.ts'

const isFloat32 = ([x]: readonly TensorType[]): boolean => x?.dtype === 'f32'

const keptIn = (type: TensorType, stored: Stored | undefined): TensorType => ({ ...type, dtype: stored ?? type.dtype })

function requireEqual(x: TensorType | undefined, other: TensorType | undefined): TensorType {
  if (!x || !other || x.dtype !== other.dtype || !sameShape(x.shape, other.shape)) {
    throw shapeViolation(`${formatShape(x?.shape ?? [])} and ${formatShape(other?.shape ?? [])} must be equal`)
  }
  return x
}

type StoredAttributes = { readonly stored?: Stored }

export const swigluOperator = defineOperator<StoredAttributes>({
  name: 'swiglu',
  summary: 'silu(gate) · up',
  elementwise: true,
  infer: ([gate, up], { stored }) => [keptIn(requireEqual(gate, up), stored)],
  gradient({ inputs, outputGradients: [dy] }) {
    return dy ? apply(swigluGradientOperator, [dy, ...inputs], {}) : []
  },
  composite: ([gate, up], { stored }) =>
    gate && up ? [inStorage(multiply(multiply(gate, sigmoid(gate)), up), stored)] : [],
  kernel: {
    operator: 'SwiGLU',
    supports: isFloat32,
    lower: (emitter, { inputs, outputTypes, attributes: { stored } }) =>
      emitter.node(stored ? 'SwiGLUBf16' : 'SwiGLU', inputs, {}, { domain: 'r1', types: outputTypes }),
  },
})

export const swigluGradientOperator = defineOperator<StoredAttributes>({
  name: 'swigluGradient',
  summary: 'Gradients of swiglu by gate and up',
  infer: ([dy, gate, up], { stored }) => [keptIn(requireEqual(dy, gate), stored), keptIn(requireEqual(dy, up), stored)],
  composite([dy, gate, up], { stored }) {
    if (!dy || !gate || !up) return []
    const s = sigmoid(gate)
    const silu = multiply(gate, s)
    const slope = add(s, multiply(silu, subtract(1, s)))
    return [inStorage(multiply(multiply(dy, up), slope), stored), inStorage(multiply(dy, silu), stored)]
  },
  kernel: {
    operator: 'SwiGLUGradient',
    supports: isFloat32,
    lower: (emitter, { inputs, outputTypes, attributes: { stored } }) =>
      emitter.node(
        stored ? 'SwiGLUGradientBf16' : 'SwiGLUGradient',
        inputs,
        {},
        {
          domain: 'r1',
          types: outputTypes,
          outputs: 2,
        },
      ),
  },
})

/** `silu(gate) · up`, the gated unit of Llama (Shazeer 2020, arXiv:2002.05202). */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  return applyOne(swigluOperator, [gate, up], {})
}

/** `x · σ(x)` (Elfwing et al. 2017, arXiv:1702.03118). */
export function silu(x: Tensor): Tensor {
  return multiply(x, sigmoid(x))
}

/** Which form of GELU: the exact one by the error function, or the approximation by tanh. */
export type GeluForm = 'none' | 'tanh'
type GeluAttributes = { readonly approximate: GeluForm }

const rootTwo = Math.SQRT2
const tanhScale = Math.sqrt(2 / Math.PI)
const tanhCubic = 0.044715

const geluOperator = defineOperator<GeluAttributes>({
  name: 'gelu',
  summary: 'x · Φ(x), exact or approximated by tanh',
  elementwise: true,
  infer([x]) {
    if (!x || !isFloating(x.dtype)) throw dtypeViolation('a floating dtype is needed')
    return [x]
  },
  gradient: ({ inputs: [x], outputGradients: [dy], attributes }) =>
    dy && x ? apply(geluGradientOperator, [dy, x], attributes) : [],
  composite([x], { approximate }) {
    if (!x) return []
    const inner =
      approximate === 'tanh'
        ? tanh(multiply(add(x, multiply(multiply(square(x), x), tanhCubic)), tanhScale))
        : erf(multiply(x, 1 / rootTwo))
    return [multiply(multiply(x, 0.5), add(inner, 1))]
  },
  kernel: {
    operator: 'Gelu',
    supports: isFloat32,
    lower: (emitter, { inputs, attributes, outputTypes }) =>
      emitter.node('Gelu', inputs, attributes, { domain: 'r1', types: outputTypes }),
  },
})

const geluGradientOperator = defineOperator<GeluAttributes>({
  name: 'geluGradient',
  summary: 'Gradient of gelu',
  elementwise: true,
  infer: ([dy, x]) => [requireEqual(dy, x)],
  composite([dy, x], { approximate }) {
    if (!dy || !x) return []
    if (approximate === 'tanh') {
      const t = tanh(multiply(add(x, multiply(multiply(square(x), x), tanhCubic)), tanhScale))
      const slope = multiply(add(multiply(square(x), 3 * tanhCubic), 1), tanhScale)
      const inner = add(multiply(add(t, 1), 0.5), multiply(multiply(x, 0.5), multiply(subtract(1, square(t)), slope)))
      return [multiply(dy, inner)]
    }
    const cumulative = multiply(add(erf(multiply(x, 1 / rootTwo)), 1), 0.5)
    const density = multiply(exp(multiply(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI))
    return [multiply(dy, add(cumulative, multiply(x, density)))]
  },
  kernel: {
    operator: 'GeluGradient',
    supports: isFloat32,
    lower: (emitter, { inputs, attributes, outputTypes }) =>
      emitter.node('GeluGradient', inputs, attributes, { domain: 'r1', types: outputTypes }),
  },
})

/** Gaussian error linear unit (Hendrycks & Gimpel 2016, arXiv:1606.08415); `tanh` is the approximation of GPT-2 and Gemma. */
export function gelu(x: Tensor, approximate: GeluForm = 'none'): Tensor {
  return applyOne(geluOperator, [x], { approximate })
}

const gegluOperator = defineOperator<GeluAttributes>({
  name: 'geglu',
  summary: 'gelu(gate) · up, exact or approximated by tanh',
  elementwise: true,
  infer: ([gate, up]) => [requireEqual(gate, up)],
  gradient: ({ inputs, outputGradients: [dy], attributes }) =>
    dy ? apply(gegluGradientOperator, [dy, ...inputs], attributes) : [],
  composite: ([gate, up], { approximate }) => (gate && up ? [multiply(gelu(gate, approximate), up)] : []),
  kernel: {
    operator: 'GeGLU',
    supports: isFloat32,
    lower: (emitter, { inputs, attributes, outputTypes }) =>
      emitter.node('GeGLU', inputs, attributes, { domain: 'r1', types: outputTypes }),
  },
})

const gegluGradientOperator = defineOperator<GeluAttributes>({
  name: 'gegluGradient',
  summary: 'Gradients of geglu by gate and up',
  infer: ([dy, gate, up]) => [requireEqual(dy, gate), requireEqual(dy, up)],
  composite([dy, gate, up], { approximate }) {
    if (!dy || !gate || !up) return []
    const dGate = applyOne(geluGradientOperator, [multiply(dy, up), gate], { approximate })
    return [dGate, multiply(dy, gelu(gate, approximate))]
  },
  kernel: {
    operator: 'GeGLUGradient',
    supports: isFloat32,
    lower: (emitter, { inputs, attributes, outputTypes }) =>
      emitter.node('GeGLUGradient', inputs, attributes, { domain: 'r1', types: outputTypes, outputs: 2 }),
  },
})

/** `gelu(gate) · up`, the gated unit of Gemma (Shazeer 2020, arXiv:2002.05202). */
export function geglu(gate: Tensor, up: Tensor, approximate: GeluForm = 'none'): Tensor {
  return applyOne(gegluOperator, [gate, up], { approximate })
}
