import { type AttentionOptions, attention, type Dimension, reshape, rope, type Tensor } from '../tensor/index.ts'
import type { LayerCache } from './cache.ts'
import { linear } from './linear.ts'
import { rmsNorm } from './norm.ts'
import type { RotaryTables } from './rotary.ts'
import type { Scope } from './scope.ts'

/** What one forward pass tells each attention layer of its tokens. */
export interface AttentionContext {
  /** i64 `[B, S]` */
  readonly positions: Tensor
  /** Without it, heads are not turned by their positions. */
  readonly rotary?: RotaryTables | undefined
  /** i64 `[B, S]`: tokens see only their own segment; padding is −1. */
  readonly segments?: Tensor | undefined
  /** Earlier tokens; the step's own are appended. */
  readonly cache?: LayerCache | undefined
}

/** Which keys a query sees, and how scores are formed. */
export type Visibility = Omit<AttentionOptions, 'segments' | 'offsets'>

/**
 * Turns queries and keys by their positions, remembers keys and values, and mixes the values.
 *
 * @param q `[B, S, H, d]`
 * @param k `[B, S, K, d]`
 * @param v `[B, S, K, d]`
 * @returns `[B, S, H · d]`
 */
export function attend(q: Tensor, k: Tensor, v: Tensor, visibility: Visibility, context: AttentionContext): Tensor {
  const { positions, rotary, segments, cache } = context
  const turn = (x: Tensor) => (rotary ? rope(x, rotary.cos, rotary.sin, positions) : x)
  const mixed = cache
    ? cache.attend(q, k, v, { ...visibility, rotary: rotary && { ...rotary, positions } })
    : attention(turn(q), turn(k), v, { ...visibility, segments })
  return reshape(mixed, [...q.shape.slice(0, 2), -1])
}

export interface SelfAttentionOptions extends Visibility {
  readonly heads: number
  readonly keyValueHeads: number
  readonly headWidth: number
  /** Biases of queries, keys and values. */
  readonly bias?: boolean
  readonly outputBias?: boolean
  /** Each query and key head is normed before it is turned, with this epsilon (Qwen 3, arXiv:2505.09388). */
  readonly headNorm?: number
}

/**
 * Grouped-query self-attention with rotary positions (arXiv:2305.13245).
 *
 * @param scope holds `q_proj`, `k_proj`, `v_proj` and `o_proj`; `q_norm` and `k_norm` where heads are normed
 * @param x `[B, S, D]`
 * @returns `[B, S, D]`
 */
export function selfAttention(
  scope: Scope,
  x: Tensor,
  options: SelfAttentionOptions,
  context: AttentionContext,
): Tensor {
  const { heads, keyValueHeads, headWidth, bias, outputBias, headNorm, ...visibility } = options
  const [batch, time, width] = x.shape as readonly [Dimension, Dimension, number]
  const project = (name: string, count: number) =>
    reshape(linear(scope.child(name), x, { inputs: width, outputs: count * headWidth, bias }), [
      batch,
      time,
      count,
      headWidth,
    ])
  const norm = (name: string, head: Tensor) =>
    headNorm === undefined ? head : rmsNorm(scope.child(name), head, headNorm)
  const q = norm('q_norm', project('q_proj', heads))
  const k = norm('k_norm', project('k_proj', keyValueHeads))
  const v = project('v_proj', keyValueHeads)
  const mixed = attend(q, k, v, visibility, context)
  return linear(scope.child('o_proj'), mixed, { inputs: heads * headWidth, outputs: width, bias: outputBias })
}
