import { gelu, relu, silu, type Tensor } from '../tensor/index.ts'

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
