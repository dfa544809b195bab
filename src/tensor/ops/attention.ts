import type { Dimension } from '../dimension.ts'
import { attributeViolation, requireRank, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, defineOperator } from '../operator.ts'
import { formatShape, sameShape, type TensorType } from '../shape.ts'
import { constant } from './constant.ts'
import { add, and, equal, exp, greater, lessOrEqual, multiply, square, subtract, tanh, where } from './elementwise.ts'
import { iota } from './indexing.ts'
import { matmul, type ProductPrecision } from './matmul.ts'
import { logSumExp, sum } from './reduction.ts'
import { reshape, transpose } from './shape.ts'

/*
 * Scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762) with grouped heads (Ainslie et al. 2023,
 * arXiv:2305.13245), causal, full or in a sliding window, over packed and padded rows, and over the slots of a cache.
 * B batch, S queries, T keys, H heads, K key-value heads, G = H / K heads a group, d and e widths of a key and a value.
 */

type AttentionAttributes = {
  readonly causal: boolean
  /** A query sees itself and the keys up to `window` − 1 places before it (and after it, where not causal); 0 is no limit. */
  readonly window: number
  readonly scale: number
  readonly segmented: boolean
  /** Scores s become softcap · tanh(s / softcap); 0 is no cap. */
  readonly softcap: number
  /** Each row says at which key its first query stands. */
  readonly placed: boolean
  readonly precision: ProductPrecision
}

interface Extents {
  readonly batch: Dimension
  readonly queries: Dimension
  readonly keys: Dimension
  readonly heads: number
  readonly keyHeads: number
  readonly valueWidth: number
}

function extentsOf([q, k, v]: readonly (TensorType | undefined)[]): Extents {
  if (!q || !k || !v) throw shapeViolation('queries, keys and values are needed')
  requireRank(q, 4, 'queries')
  requireRank(k, 4, 'keys')
  requireRank(v, 4, 'values')
  if (!sameShape(k.shape.slice(0, 3), v.shape.slice(0, 3))) {
    throw shapeViolation('keys and values differ in more than their width')
  }
  const [batch, queries, heads, width] = q.shape as readonly [Dimension, Dimension, number, number]
  const [keyBatch, keys, keyHeads, keyWidth] = k.shape as readonly [Dimension, Dimension, number, number]
  if (keyBatch !== batch || keyWidth !== width) throw shapeViolation('queries and keys differ in batch or head width')
  if (heads % keyHeads !== 0) throw shapeViolation(`${heads} query heads do not share ${keyHeads} key heads evenly`)
  return { batch, queries, keys, heads, keyHeads, valueWidth: v.shape[3] as number }
}

/** `[B, S, H, d]` → `[B, K, G·S, d]`: heads of a group become rows, so that keys need no repetition. */
function foldGroups(x: Tensor, { batch, queries, heads, keyHeads }: Extents): Tensor {
  const width = x.shape[3] as Dimension
  const grouped = reshape(x, [batch, queries, keyHeads, heads / keyHeads, width])
  return reshape(transpose(grouped, [0, 2, 3, 1, 4]), [batch, keyHeads, -1, width])
}

function unfoldGroups(x: Tensor, { batch, queries, heads, keyHeads }: Extents): Tensor {
  const width = x.shape[3] as Dimension
  const grouped = reshape(x, [batch, keyHeads, heads / keyHeads, queries, width])
  return reshape(transpose(grouped, [0, 3, 1, 2, 4]), [batch, queries, heads, width])
}

const heads = (x: Tensor): Tensor => transpose(x, [0, 2, 1, 3])

/** Distance from each key to each query, positive where the key comes first: i64, broadcast to `[B, K, G, S, T]`. */
function distances({ batch, queries, keys }: Extents, offsets: Tensor | undefined): Tensor {
  const key = reshape(iota(keys), [1, keys])
  const query = reshape(iota(queries), [queries, 1])
  if (offsets) return subtract(add(query, reshape(offsets, [batch, 1, 1, 1, 1])), key)
  // Queries stand at the end of the keys.
  const lag = typeof keys === 'number' && typeof queries === 'number' ? keys - queries : 0
  return subtract(add(query, constant(lag, { dtype: 'i64' })), key)
}

/** Which keys a query sees, broadcast to `[B, K, G, S, T]`; undefined where it sees all. */
function visible(extents: Extents, attributes: AttentionAttributes, places: Tensor | undefined): Tensor | undefined {
  const { queries, keys, batch } = extents
  const { causal, window, placed, segmented } = attributes
  const conditions: Tensor[] = []
  if (causal || window > 0) {
    const distance = distances(extents, placed ? places : undefined)
    if (causal) conditions.push(greater(distance, constant(-1, { dtype: 'i64' })))
    if (window > 0) {
      const limit = constant(window - 1, { dtype: 'i64' })
      conditions.push(lessOrEqual(distance, limit))
      if (!causal) conditions.push(lessOrEqual(subtract(constant(0, { dtype: 'i64' }), distance), limit))
    }
  }
  if (segmented && places) {
    const row = reshape(places, [batch, 1, 1, queries, 1])
    conditions.push(equal(row, reshape(places, [batch, 1, 1, 1, keys])))
  }
  return conditions.length > 0 ? conditions.reduce(and) : undefined
}

/** Low enough to vanish in a softmax, high enough that a row which sees nothing stays finite. */
const hidden = -1e9

/** Scores under the soft cap, and the same with those of hidden keys far down; both `[B, K, G·S, T]`. */
function scores(q: Tensor, k: Tensor, attributes: AttentionAttributes, places: Tensor | undefined) {
  const extents = extentsOf([q, k, k])
  const { batch, keyHeads, queries, keys } = extents
  const { scale, softcap } = attributes
  const raw = matmul(foldGroups(q, extents), heads(k), { transposeB: true, alpha: softcap ? scale / softcap : scale })
  const capped = softcap ? multiply(tanh(raw), softcap) : raw
  const seen = visible(extents, attributes, places)
  if (!seen) return { capped, masked: capped }
  const grouped = reshape(capped, [batch, keyHeads, extents.heads / keyHeads, queries, keys])
  return { capped, masked: reshape(where(seen, grouped, hidden), capped.shape) }
}

/** The kernels know neither caps, nor caches, nor values of another width than the keys. */
function kernelFits([q, k, v]: readonly TensorType[], { softcap, placed }: AttentionAttributes): boolean {
  return q?.dtype === 'f32' && softcap === 0 && !placed && k?.shape[3] === v?.shape[3]
}

const attentionOperator = defineOperator<AttentionAttributes>({
  name: 'attention',
  summary: 'Scaled dot-product attention with grouped heads: causal, full, windowed, packed; also log-sum-exp',
  infer(inputs, { segmented, placed, softcap }) {
    const { batch, queries, keys, heads: count, valueWidth } = extentsOf(inputs)
    const [q, , , places] = inputs as readonly [TensorType, TensorType, TensorType, TensorType?]
    if (segmented && placed) throw shapeViolation('segments and offsets exclude each other')
    if (segmented && (places?.dtype !== 'i64' || !sameShape(places.shape, [batch, queries]) || queries !== keys)) {
      throw shapeViolation(`segments must be i64${formatShape([batch, queries])}, with as many keys as queries`)
    }
    if (placed && (places?.dtype !== 'i64' || !sameShape(places.shape, [batch]))) {
      throw shapeViolation(`offsets must be i64${formatShape([batch])}`)
    }
    if (!(softcap >= 0)) throw attributeViolation(`${softcap} is no cap of scores`)
    return [
      { dtype: q.dtype, shape: q.shape.with(3, valueWidth) },
      { dtype: q.dtype, shape: [batch, count, queries] },
    ]
  },
  gradient({ inputs, outputs, outputGradients: [dy, dNormalizer], attributes }) {
    if (dNormalizer) return undefined
    const [q, k, v, ...places] = inputs as readonly [Tensor, Tensor, Tensor, ...Tensor[]]
    const [y, normalizer] = outputs as readonly [Tensor, Tensor]
    return dy ? apply(attentionGradientOperator, [q, k, v, y, dy, normalizer, ...places], attributes) : []
  },
  composite(inputs, attributes) {
    const [q, k, v, places] = inputs as readonly [Tensor, Tensor, Tensor, Tensor?]
    const extents = extentsOf(inputs)
    const { masked } = scores(q, k, attributes, places)
    const normalizer = logSumExp(masked, { axes: [3], keepDimensions: true })
    const y = matmul(exp(subtract(masked, normalizer)), heads(v))
    return [unfoldGroups(y, extents), reshape(normalizer, [extents.batch, extents.heads, extents.queries])]
  },
  kernel: {
    operator: 'Attention',
    supports: kernelFits,
    lower: (emitter, { inputs, attributes, outputTypes }) =>
      emitter.node('Attention', inputs, kernelAttributes(attributes), { domain: 'r1', types: outputTypes, outputs: 2 }),
  },
})

function kernelAttributes({ causal, window, scale, precision }: AttentionAttributes) {
  return { causal: causal ? 1 : 0, window, scale: { float: scale }, precision }
}

/** Inputs: q, k, v, y, dy, log-sum-exp, segments or offsets (optional). */
const attentionGradientOperator = defineOperator<AttentionAttributes>({
  name: 'attentionGradient',
  summary: 'Gradients of attention by queries, keys and values',
  infer: ([q, k, v]) => [q as TensorType, k as TensorType, v as TensorType],
  composite(inputs, attributes) {
    const [q, k, v, y, dy, normalizer, places] = inputs as readonly [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor?,
    ]
    const extents = extentsOf(inputs)
    const { capped, masked } = scores(q, k, attributes, places)
    const p = exp(subtract(masked, reshape(normalizer, [...masked.shape.slice(0, -1), 1])))
    const [dyFolded, keys] = [foldGroups(dy, extents), heads(k)]
    const dp = matmul(dyFolded, heads(v), { transposeB: true })
    const delta = sum(multiply(dyFolded, foldGroups(y, extents)), { axes: [3], keepDimensions: true })
    const { scale, softcap } = attributes
    const dCapped = multiply(p, subtract(dp, delta))
    const ds = softcap ? multiply(dCapped, subtract(1, square(multiply(capped, 1 / softcap)))) : dCapped
    return [
      unfoldGroups(matmul(ds, keys, { alpha: scale }), extents),
      heads(matmul(ds, foldGroups(q, extents), { transposeA: true, alpha: scale })),
      heads(matmul(p, dyFolded, { transposeA: true })),
    ]
  },
  kernel: {
    operator: 'AttentionGradient',
    supports: kernelFits,
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
  /** Scores s become softcap · tanh(s / softcap) (Gemma 2, arXiv:2408.00118). */
  readonly softcap?: number
  /** i64 `[B]`: the key at which each row's first query stands, where the keys are the slots of a cache. */
  readonly offsets?: Tensor
}

/**
 * Scaled dot-product attention.
 *
 * @param q `[B, S, H, d]`
 * @param k `[B, T, K, d]`, H a multiple of K
 * @param v `[B, T, K, e]`
 * @returns `[B, S, H, e]`
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const { causal = true, window = 0, softcap = 0, segments, offsets } = options
  const scale = options.scale ?? 1 / Math.sqrt(Number(q.shape.at(-1)))
  const places = segments ?? offsets
  return apply(attentionOperator, places ? [q, k, v, places] : [q, k, v], {
    causal,
    window,
    scale,
    segmented: Boolean(segments),
    softcap,
    placed: Boolean(offsets),
    precision: 'f32',
  })[0] as Tensor
}
