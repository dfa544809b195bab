import type { Dimension } from '../dimension.ts'
import { requireRank, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, defineOperator } from '../operator.ts'
import { formatShape, type TensorType } from '../shape.ts'
import { constant } from './constant.ts'
import { add, and, equal, exp, greater, lessOrEqual, multiply, subtract, where } from './elementwise.ts'
import { iota } from './indexing.ts'
import { matmul, type ProductPrecision } from './matmul.ts'
import { logSumExp, sum } from './reduction.ts'
import { reshape, transpose } from './shape.ts'

/*
 * Scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762) with grouped heads (Ainslie et al. 2023,
 * arXiv:2305.13245), causal, full or in a sliding window, over packed and padded rows.
 * B batch, S queries, T keys, H heads, K key-value heads, G = H / K heads a group, d head width.
 */

type AttentionAttributes = {
  readonly causal: boolean
  /** A query sees itself and the keys up to `window` − 1 places before it (and after it, where not causal); 0 is no limit. */
  readonly window: number
  readonly scale: number
  readonly segmented: boolean
  readonly precision: ProductPrecision
}

interface Extents {
  readonly batch: Dimension
  readonly queries: Dimension
  readonly keys: Dimension
  readonly heads: number
  readonly keyHeads: number
  readonly width: number
}

function extentsOf([q, k, v]: readonly (TensorType | undefined)[]): Extents {
  if (!q || !k || !v) throw shapeViolation('queries, keys and values are needed')
  requireRank(q, 4, 'queries')
  requireRank(k, 4, 'keys')
  if (formatShape(k.shape) !== formatShape(v.shape)) throw shapeViolation('keys and values differ in shape')
  const [batch, queries, heads, width] = q.shape as readonly [Dimension, Dimension, number, number]
  const [keyBatch, keys, keyHeads, keyWidth] = k.shape as readonly [Dimension, Dimension, number, number]
  if (keyBatch !== batch || keyWidth !== width) throw shapeViolation('queries and keys differ in batch or head width')
  if (heads % keyHeads !== 0) throw shapeViolation(`${heads} query heads do not share ${keyHeads} key heads evenly`)
  return { batch, queries, keys, heads, keyHeads, width }
}

/** `[B, S, H, d]` → `[B, K, G·S, d]`: heads of a group become rows, so that keys need no repetition. */
function foldGroups(x: Tensor, { batch, queries, heads, keyHeads, width }: Extents): Tensor {
  const grouped = reshape(x, [batch, queries, keyHeads, heads / keyHeads, width])
  return reshape(transpose(grouped, [0, 2, 3, 1, 4]), [batch, keyHeads, -1, width])
}

function unfoldGroups(x: Tensor, { batch, queries, heads, keyHeads, width }: Extents): Tensor {
  const grouped = reshape(x, [batch, keyHeads, heads / keyHeads, queries, width])
  return reshape(transpose(grouped, [0, 3, 1, 2, 4]), [batch, queries, heads, width])
}

const heads = (x: Tensor): Tensor => transpose(x, [0, 2, 1, 3])

/** Which keys a query sees, broadcast to `[B, K, G, S, T]`; undefined where it sees all. */
function visible(extents: Extents, attributes: AttentionAttributes, segments: Tensor | undefined): Tensor | undefined {
  const { queries, keys, batch } = extents
  const conditions: Tensor[] = []
  if (attributes.causal || attributes.window > 0) {
    // Queries stand at the end of the keys.
    const lag = typeof keys === 'number' && typeof queries === 'number' ? keys - queries : 0
    const query = add(reshape(iota(queries), [queries, 1]), constant(lag, { dtype: 'i64' }))
    const distance = subtract(query, reshape(iota(keys), [1, keys]))
    if (attributes.causal) conditions.push(greater(distance, constant(-1, { dtype: 'i64' })))
    if (attributes.window > 0) {
      const limit = constant(attributes.window - 1, { dtype: 'i64' })
      conditions.push(lessOrEqual(distance, limit))
      if (!attributes.causal) conditions.push(lessOrEqual(subtract(constant(0, { dtype: 'i64' }), distance), limit))
    }
  }
  if (segments) {
    const row = reshape(segments, [batch, 1, 1, queries, 1])
    conditions.push(equal(row, reshape(segments, [batch, 1, 1, 1, keys])))
  }
  return conditions.length > 0 ? conditions.reduce(and) : undefined
}

/** Low enough to vanish in a softmax, high enough that a row which sees nothing stays finite. */
const hidden = -1e9

function scores(q: Tensor, k: Tensor, attributes: AttentionAttributes, segments: Tensor | undefined): Tensor {
  const extents = extentsOf([q, k, k])
  const { batch, keyHeads, queries, keys } = extents
  const raw = matmul(foldGroups(q, extents), heads(k), { transposeB: true, alpha: attributes.scale })
  const seen = visible(extents, attributes, segments)
  if (!seen) return raw
  const grouped = reshape(raw, [batch, keyHeads, extents.heads / keyHeads, queries, keys])
  return reshape(where(seen, grouped, hidden), raw.shape)
}

const attentionOperator = defineOperator<AttentionAttributes>({
  name: 'attention',
  summary: 'Scaled dot-product attention with grouped heads: causal, full, windowed, packed; also log-sum-exp',
  infer(inputs, { segmented }) {
    const { batch, queries, keys, heads: count } = extentsOf(inputs)
    const [q, , , segments] = inputs
    if (
      segmented &&
      (segments?.dtype !== 'i64' || segments.shape.join() !== `${batch},${queries}` || queries !== keys)
    ) {
      throw shapeViolation(`segments must be i64${formatShape([batch, queries])}, with as many keys as queries`)
    }
    const type = q as TensorType
    return [type, { dtype: type.dtype, shape: [batch, count, queries] }]
  },
  gradient({ inputs, outputs, outputGradients: [dy, dNormalizer], attributes }) {
    if (dNormalizer) return undefined
    const [q, k, v, ...segments] = inputs as readonly [Tensor, Tensor, Tensor, ...Tensor[]]
    const [y, normalizer] = outputs as readonly [Tensor, Tensor]
    return dy ? apply(attentionGradientOperator, [q, k, v, y, dy, normalizer, ...segments], attributes) : []
  },
  composite(inputs, attributes) {
    const [q, k, v, segments] = inputs as readonly [Tensor, Tensor, Tensor, Tensor?]
    const extents = extentsOf(inputs)
    const s = scores(q, k, attributes, segments)
    const normalizer = logSumExp(s, { axes: [3], keepDimensions: true })
    const y = matmul(exp(subtract(s, normalizer)), heads(v))
    return [unfoldGroups(y, extents), reshape(normalizer, [extents.batch, extents.heads, extents.queries])]
  },
  kernel: {
    operator: 'Attention',
    supports: ([q]) => q?.dtype === 'f32',
    lower: (emitter, { inputs, attributes, outputTypes }) =>
      emitter.node('Attention', inputs, kernelAttributes(attributes), { domain: 'r1', types: outputTypes, outputs: 2 }),
  },
})

function kernelAttributes({ causal, window, scale, precision }: AttentionAttributes) {
  return { causal: causal ? 1 : 0, window, scale: { float: scale }, precision }
}

/** Inputs: q, k, v, y, dy, log-sum-exp, segments (optional). */
const attentionGradientOperator = defineOperator<AttentionAttributes>({
  name: 'attentionGradient',
  summary: 'Gradients of attention by queries, keys and values',
  infer: ([q, k, v]) => [q as TensorType, k as TensorType, v as TensorType],
  composite(inputs, attributes) {
    const [q, k, v, y, dy, normalizer, segments] = inputs as readonly [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor?,
    ]
    const extents = extentsOf(inputs)
    const s = scores(q, k, attributes, segments)
    const p = exp(subtract(s, reshape(normalizer, [...s.shape.slice(0, -1), 1])))
    const [dyFolded, keys] = [foldGroups(dy, extents), heads(k)]
    const dp = matmul(dyFolded, heads(v), { transposeB: true })
    const delta = sum(multiply(dyFolded, foldGroups(y, extents)), { axes: [3], keepDimensions: true })
    const ds = multiply(p, subtract(dp, delta))
    const { scale } = attributes
    return [
      unfoldGroups(matmul(ds, keys, { alpha: scale }), extents),
      heads(matmul(ds, foldGroups(q, extents), { transposeA: true, alpha: scale })),
      heads(matmul(p, dyFolded, { transposeA: true })),
    ]
  },
  kernel: {
    operator: 'AttentionGradient',
    supports: ([q]) => q?.dtype === 'f32',
    lower: (emitter, { inputs, attributes, outputTypes }) =>
      emitter.node('AttentionGradient', inputs, kernelAttributes(attributes), {
        domain: 'r1',
        types: outputTypes,
        outputs: 3,
      }),
  },
})

/** Which keys a query sees, and how scores are scaled. */
export interface AttentionOptions {
  /** Only keys at or before the query; the last query stands at the last key. Default true. */
  readonly causal?: boolean
  /** Only the nearest `window` keys, the query's own included. */
  readonly window?: number
  /** Factor of the scores; 1/√d without it. */
  readonly scale?: number
  /** i64 `[B, S]`: tokens see only their own segment (packing); padding has a segment of its own, such as −1. */
  readonly segments?: Tensor
}

/**
 * Scaled dot-product attention.
 *
 * @param q `[B, S, H, d]`
 * @param k `[B, T, K, d]`, H a multiple of K
 * @param v `[B, T, K, d]`
 * @returns `[B, S, H, d]`
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const { causal = true, window = 0, segments } = options
  const scale = options.scale ?? 1 / Math.sqrt(Number(q.shape.at(-1)))
  const inputs = segments ? [q, k, v, segments] : [q, k, v]
  return apply(attentionOperator, inputs, {
    causal,
    window,
    scale,
    segmented: Boolean(segments),
    precision: 'f32',
  })[0] as Tensor
}
