import { geglu, gelu, multiply, relu, silu, swiglu, type Tensor } from '../tensor/index.ts'

/** The nonlinear functions of feed-forward layers; `geluTanh` is GELU approximated by tanh. */
export type Activation = 'silu' | 'gelu' | 'geluTanh' | 'relu'

const functions: Readonly<Record<Activation, (x: Tensor) => Tensor>> = {
  silu,
  gelu: (x) => gelu(x),
  geluTanh: (x) => gelu(x, 'tanh'),
  relu,
}

/** An activation by its name, element by element. */
export function activate(x: Tensor, activation: Activation): Tensor {
  return functions[activation](x)
}

/** `activation(gate) · up`, the gated unit of feed-forward layers (Shazeer 2020, arXiv:2002.05202). */
export function activateGated(gate: Tensor, up: Tensor, activation: Activation): Tensor {
  switch (activation) {
    case 'silu':
      return swiglu(gate, up)
    case 'gelu':
      return geglu(gate, up)
    case 'geluTanh':
      return geglu(gate, up, 'tanh')
    default:
      return multiply(activate(gate, activation), up)
  }
}
