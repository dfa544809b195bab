import { add, matmul, normal, type Tensor, uniform, zeros } from '../tensor/index.ts'
import type { Scope } from './scope.ts'

export interface LinearOptions {
  readonly inputs: number
  readonly outputs: number
  readonly bias?: boolean
  /** Standard deviation of the initial weights. */
  readonly deviation?: number
}

/**
 * `x · Wᵀ (+ b)`, with a low-rank adapter `x · Aᵀ · Bᵀ · alpha/rank` (LoRA, Hu et al. 2021, arXiv:2106.09685) where the
 * scope has one for this layer.
 *
 * @param scope holds `weight` `[outputs, inputs]`, `bias` `[outputs]`, `lora_A.weight` `[rank, inputs]` and `lora_B.weight` `[outputs, rank]`
 * @param x `[…, inputs]`
 * @returns `[…, outputs]`
 */
export function linear(scope: Scope, x: Tensor, options: LinearOptions): Tensor {
  const { inputs, outputs, bias = false, deviation = 0.02 } = options
  const weight = scope.parameter('weight', [outputs, inputs], normal(deviation))
  let y = matmul(x, weight, { transposeB: true })
  const { adapter } = scope.options
  if (adapter?.accepts(scope.join('weight').replace(/\.weight$/, ''))) {
    const a = scope.parameter('lora_A.weight', [adapter.rank, inputs], uniform(1 / Math.sqrt(inputs)))
    const b = scope.parameter('lora_B.weight', [outputs, adapter.rank], zeros)
    y = add(y, matmul(matmul(x, a, { transposeB: true }), b, { transposeB: true, alpha: adapter.alpha / adapter.rank }))
  }
  return bias ? add(y, scope.parameter('bias', [outputs], zeros)) : y
}
