import {
  attention,
  broadcastTo,
  cast,
  concat,
  type Dimension,
  matmul,
  reshape,
  rope,
  slice,
  split,
  type Tensor,
  transpose,
} from '../tensor/index.ts'
import type { AttentionContext } from './attention.ts'
import { linear, linearMatrix } from './linear.ts'
import { rmsNorm } from './norm.ts'
import type { RotaryTables } from './rotary.ts'
import type { Scope } from './scope.ts'

/*
 * Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434, section 2.1): keys and values of all heads come from one
 * compressed vector a token, and that vector is what a cache keeps.
 * B rows, S queries, T keys, H heads, c compressed width, r features that turn, n features that do not, e width of a value.
 */

export interface LatentAttentionOptions {
  readonly heads: number
  /** c */
  readonly compressedWidth: number
  /** r */
  readonly turnedWidth: number
  /** n */
  readonly plainWidth: number
  /** e */
  readonly valueWidth: number
  /** Rank of the query projection; without it the projection is one matrix. */
  readonly queryRank?: number | undefined
  /** Biases of the first projections and of the last. */
  readonly bias?: boolean
  /** Neighbouring features turn together; otherwise the halves of a head do. */
  readonly interleaved?: boolean
  /** Factor of the scores. */
  readonly scale: number
  /**
   * How heads read the compressed keys: each expanded to its own, or all in place, with the expanding matrices absorbed
   * into queries and outputs. Without it, what takes fewer operations.
   */
  readonly form?: 'expanded' | 'absorbed' | undefined
}

/** Both forms compute this: queries against compressed keys. */
interface Operands {
  /** `[B, S, H, n]` */
  readonly plain: Tensor
  /** `[B, S, H, r]`, turned */
  readonly turned: Tensor
  /** `[B, S, c + r]`: the new tokens' compressed vectors, and the part of their keys that turns, which all heads share */
  readonly latent: Tensor
}

/** `[B, S, H, n + r]` */
function queries(scope: Scope, x: Tensor, options: LatentAttentionOptions): Tensor {
  const { heads, plainWidth, turnedWidth, queryRank: rank, bias } = options
  const [batch, time, width] = x.shape as readonly [Dimension, Dimension, number]
  const outputs = heads * (plainWidth + turnedWidth)
  const project = () => {
    if (rank === undefined) return linear(scope.child('q_proj'), x, { inputs: width, outputs })
    const narrow = linear(scope.child('q_a_proj'), x, { inputs: width, outputs: rank, bias })
    return linear(scope.child('q_b_proj'), rmsNorm(scope.child('q_a_layernorm'), narrow), { inputs: rank, outputs })
  }
  return reshape(project(), [batch, time, heads, plainWidth + turnedWidth])
}

/** Keys and values of every head, from the compressed vectors: `[B, S, H, e]`. */
function expanded(
  scope: Scope,
  { plain, turned, latent }: Operands,
  options: LatentAttentionOptions,
  { cache, segments }: AttentionContext,
): Tensor {
  const { heads, compressedWidth, turnedWidth, plainWidth, valueWidth, scale } = options
  const compressed = cache ? cast(cache.append('latent', latent), latent.dtype) : latent
  const [batch, keyCount] = compressed.shape as readonly [Dimension, Dimension]
  const [vectors, turnedKeys] = split(compressed, [compressedWidth, turnedWidth], 2) as [Tensor, Tensor]
  const wide = linear(scope.child('kv_b_proj'), vectors, {
    inputs: compressedWidth,
    outputs: heads * (plainWidth + valueWidth),
  })
  const [plainKeys, values] = split(
    reshape(wide, [batch, keyCount, heads, plainWidth + valueWidth]),
    [plainWidth, valueWidth],
    3,
  ) as [Tensor, Tensor]
  const shared = broadcastTo(reshape(turnedKeys, [batch, keyCount, 1, turnedWidth]), [
    batch,
    keyCount,
    heads,
    turnedWidth,
  ])
  const places = cache ? { offsets: cache.offsets } : { segments }
  return attention(concat([plain, turned], 3), concat([plainKeys, shared], 3), values, { scale, ...places })
}

/** Each head's rows times its matrix: `[B, S, H, a]` by `[H, a, b]` is `[B, S, H, b]`. */
function byHead(x: Tensor, matrices: Tensor, transposed: boolean): Tensor {
  const [batch, time, heads, width] = x.shape as readonly [Dimension, Dimension, number, number]
  const rows = reshape(transpose(x, [2, 0, 1, 3]), [heads, -1, width])
  const product = matmul(rows, matrices, { transposeB: transposed })
  return transpose(reshape(product, [heads, batch, time, -1]), [1, 2, 0, 3])
}

/** One head of compressed keys for all query heads; values are the compressed vectors themselves: `[B, S, H, e]`. */
function absorbed(
  scope: Scope,
  { plain, turned, latent }: Operands,
  options: LatentAttentionOptions,
  { cache, segments }: AttentionContext,
): Tensor {
  const { heads, compressedWidth, plainWidth, valueWidth, scale } = options
  const matrix = linearMatrix(scope.child('kv_b_proj'), {
    inputs: compressedWidth,
    outputs: heads * (plainWidth + valueWidth),
  })
  const [keyMatrices, valueMatrices] = split(
    reshape(matrix, [heads, plainWidth + valueWidth, compressedWidth]),
    [plainWidth, valueWidth],
    1,
  ) as [Tensor, Tensor]
  const query = concat([byHead(plain, keyMatrices, false), turned], 3)
  const mix = () => {
    if (cache) return cache.attendVectors('latent', query, latent, { scale, valueWidth: compressedWidth })
    const [batch, keyCount, width] = latent.shape as readonly [Dimension, Dimension, number]
    const keys = reshape(latent, [batch, keyCount, 1, width])
    return attention(query, keys, slice(keys, { 3: { end: compressedWidth } }), { scale, segments })
  }
  return byHead(mix(), valueMatrices, true)
}

/**
 * Which form takes fewer multiplications: expanding costs c · (n + e) a key and head, absorbing 2c − n − e more for every
 * pair of query and key. A number of queries that is not known yet is taken for a small one.
 */
function cheaperForm(queryCount: Dimension | undefined, options: LatentAttentionOptions): 'expanded' | 'absorbed' {
  const { compressedWidth: c, plainWidth: n, valueWidth: e } = options
  return typeof queryCount !== 'number' || queryCount * (2 * c - n - e) < c * (n + e) ? 'absorbed' : 'expanded'
}

/**
 * Multi-head latent attention. The cache holds `latent`, `[B, T, c + r]`.
 *
 * @param scope holds `q_proj`, or `q_a_proj`, `q_a_layernorm` and `q_b_proj`; `kv_a_proj_with_mqa`, `kv_a_layernorm`, `kv_b_proj`, `o_proj`
 * @param x `[B, S, D]`
 * @returns `[B, S, D]`
 */
export function latentAttention(
  scope: Scope,
  x: Tensor,
  options: LatentAttentionOptions,
  context: AttentionContext & { readonly rotary: RotaryTables },
): Tensor {
  const { heads, compressedWidth, turnedWidth, plainWidth, valueWidth, bias, interleaved } = options
  const { rotary, positions, cache } = context
  const [batch, time, width] = x.shape as readonly [Dimension, Dimension, number]
  const turn = (part: Tensor) => rope(part, rotary.cos, rotary.sin, positions, { interleaved })

  const [plain, toTurn] = split(queries(scope, x, options), [plainWidth, turnedWidth], 3) as [Tensor, Tensor]
  const narrow = linear(scope.child('kv_a_proj_with_mqa'), x, {
    inputs: width,
    outputs: compressedWidth + turnedWidth,
    bias,
  })
  const [vectors, sharedKeys] = split(narrow, [compressedWidth, turnedWidth], 2) as [Tensor, Tensor]
  const turnedKeys = reshape(turn(reshape(sharedKeys, [batch, time, 1, turnedWidth])), sharedKeys.shape)
  const latent = concat([rmsNorm(scope.child('kv_a_layernorm'), vectors), turnedKeys], 2)

  const form = options.form ?? (cache ? cheaperForm(time, options) : 'expanded')
  const read = form === 'absorbed' ? absorbed : expanded
  const mixed = read(scope, { plain, turned: turn(toTurn), latent }, options, context)
  return linear(scope.child('o_proj'), reshape(mixed, [batch, time, heads * valueWidth]), {
    inputs: heads * valueWidth,
    outputs: width,
    bias,
  })
}
