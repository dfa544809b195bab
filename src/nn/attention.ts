import { type AttentionOptions, attention, type Dimension, reshape, rope, type Tensor } from '../tensor/index.ts'
import { linear } from './linear.ts'
import type { RotaryTables } from './rotary.ts'
import type { Scope } from './scope.ts'

export interface SelfAttentionOptions extends AttentionOptions {
  readonly heads: number
  readonly keyValueHeads: number
  readonly headWidth: number
  readonly bias?: boolean
  readonly rotary: RotaryTables
  /** i64 `[B, S]` */
  readonly positions: Tensor
}

/**
 * Grouped-query self-attention with rotary positions (arXiv:2305.13245).
 *
 * @param scope holds `q_proj`, `k_proj`, `v_proj` and `o_proj`
 * @param x `[B, S, D]`
 * @returns `[B, S, D]`
 */
export function selfAttention(scope: Scope, x: Tensor, options: SelfAttentionOptions): Tensor {
  const { heads, keyValueHeads, headWidth, bias = false, rotary, positions, ...visibility } = options
  const [batch, time, width] = x.shape as readonly [Dimension, Dimension, number]
  const project = (name: string, count: number) =>
    reshape(linear(scope.child(name), x, { inputs: width, outputs: count * headWidth, bias }), [
      batch,
      time,
      count,
      headWidth,
    ])
  const turn = (tensor: Tensor) => rope(tensor, rotary.cos, rotary.sin, positions)
  const q = turn(project('q_proj', heads))
  const k = turn(project('k_proj', keyValueHeads))
  const v = project('v_proj', keyValueHeads)
  const mixed = reshape(attention(q, k, v, visibility), [batch, time, heads * headWidth])
  return linear(scope.child('o_proj'), mixed, { inputs: heads * headWidth, outputs: width })
}
