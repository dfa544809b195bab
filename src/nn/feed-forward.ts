import { swiglu, type Tensor } from '../tensor/index.ts'
import { linear } from './linear.ts'
import type { Scope } from './scope.ts'

/**
 * The gated feed-forward layer of Llama: `down(silu(gate(x)) · up(x))` (arXiv:2002.05202).
 *
 * @param scope holds `gate_proj`, `up_proj` and `down_proj`
 * @param x `[…, D]`
 */
export function gatedFeedForward(scope: Scope, x: Tensor, hidden: number): Tensor {
  const width = Number(x.shape.at(-1))
  const gate = linear(scope.child('gate_proj'), x, { inputs: width, outputs: hidden })
  const up = linear(scope.child('up_proj'), x, { inputs: width, outputs: hidden })
  return linear(scope.child('down_proj'), swiglu(gate, up), { inputs: hidden, outputs: width })
}
