import type { Tensor } from '../tensor/index.ts'
import { type Activation, activateGated } from './activation.ts'
import { linear } from './linear.ts'
import type { Scope } from './scope.ts'

export interface FeedForwardOptions {
  /** Width between the two products. */
  readonly hidden: number
  readonly activation?: Activation
  readonly bias?: boolean
}

/**
 * The gated feed-forward layer of Llama: `down(activation(gate(x)) · up(x))` (arXiv:2002.05202).
 *
 * @param scope holds `gate_proj`, `up_proj` and `down_proj`
 * @param x `[…, D]`
 */
export function gatedFeedForward(scope: Scope, x: Tensor, options: FeedForwardOptions): Tensor {
  const { hidden, activation = 'silu', bias } = options
  const width = Number(x.shape.at(-1))
  const gate = linear(scope.child('gate_proj'), x, { inputs: width, outputs: hidden, bias })
  const up = linear(scope.child('up_proj'), x, { inputs: width, outputs: hidden, bias })
  const gated = activateGated(gate, up, activation)
  return linear(scope.child('down_proj'), gated, { inputs: hidden, outputs: width, bias })
}
