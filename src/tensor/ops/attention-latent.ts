import type { Dimension } from '../dimension.ts'
import { attributeViolation, dtypeViolation, requireRank, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, defineOperator } from '../operator.ts'
import { formatShape, sameShape, type TensorType } from '../shape.ts'
import { appendRows, type StepRows, slotRows, stepSpan, withSlotRows } from './append-rows.ts'
import { attention } from './attention.ts'
import { cast, subtract } from './elementwise.ts'
import { reshape } from './shape.ts'
import { slice } from './slice.ts'

/*
 * Attention of a step over a cache of compressed vectors, which all heads share: the key of a place is its vector, its value
 * the vector's first e features (multi-head latent attention with absorbed matrices, arXiv:2405.04434). B rows of the step, S
 * tokens a row, R slots of T places, H heads, d width of a query and of a vector.
 */

type LatentAttributes = {
  readonly scale: number
  /** e */
  readonly valueWidth: number
  readonly slotted: boolean
  readonly segmented: boolean
}

/** The inputs by name: q, the new rows, the buffer and lengths, then the optional ones that the attributes say are there. */
function named<Input>(inputs: readonly Input[], { slotted, segmented }: LatentAttributes) {
  const [q, rows, vectors, lengths, ...rest] = inputs as readonly [Input, Input, Input, Input, ...Input[]]
  const next = (present: boolean) => (present ? rest.shift() : undefined)
  return { q, rows, vectors, lengths, slots: next(slotted), segments: next(segmented) }
}

function check(inputs: readonly TensorType[], attributes: LatentAttributes): void {
  const { q, rows, vectors, lengths, slots, segments } = named<TensorType | undefined>(inputs, attributes)
  if (!q || !rows || !vectors) throw shapeViolation('queries, new vectors and the buffer are needed')
  requireRank(q, 4, 'queries')
  requireRank(vectors, 3, 'the buffer')
  const [batch, time, , width] = q.shape as readonly [Dimension, Dimension, number, number]
  const [slotCount] = vectors.shape
  if (!sameShape(rows.shape, [batch, time, width]) || rows.dtype !== q.dtype) {
    throw shapeViolation(`the new vectors must be ${formatShape([batch, time, width])}, of the queries' dtype`)
  }
  if (vectors.shape[2] !== width) throw shapeViolation(`the buffer's vectors must have ${width} features`)
  if (vectors.dtype === 'i8') throw dtypeViolation('vectors are floating')
  if (!slots && slotCount !== batch) throw shapeViolation(`without slots the buffer must have ${batch} rows`)
  for (const [type, shape, name] of [
    [lengths, [batch], 'lengths'],
    [slots, [batch], 'slots'],
    [segments, [batch, time], 'segments'],
  ] as const) {
    if (type && (type.dtype !== 'i64' || !sameShape(type.shape, shape))) {
      throw shapeViolation(`${name} must be i64${formatShape(shape)}`)
    }
  }
  const { valueWidth } = attributes
  if (!(valueWidth >= 1 && valueWidth <= width)) {
    throw attributeViolation(`a value of ${valueWidth} features is not part of a vector of ${width}`)
  }
}

/** The native operator for buffers of each dtype. */
const kernelForms = { f32: 'CachedLatentAttention', f16: 'CachedLatentAttentionF16' } as const

const cachedLatentAttentionOperator = defineOperator<LatentAttributes>({
  name: 'cachedLatentAttention',
  summary: 'Attention of new tokens over the slots of a cache of compressed vectors, which it extends',
  overwrites: true,
  infer(inputs, attributes) {
    check(inputs, attributes)
    const [q, , vectors] = inputs as readonly [TensorType, TensorType, TensorType]
    return [{ dtype: q.dtype, shape: q.shape.with(3, attributes.valueWidth) }, vectors]
  },
  composite(inputs, attributes) {
    const { q, rows, vectors, ...step } = named(inputs, attributes)
    const all = appendRows(slotRows(vectors, step), rows, step)
    const [batch, places, width] = all.shape as readonly [Dimension, Dimension, number]
    const keys = reshape(cast(all, q.dtype), [batch, places, 1, width])
    const values = slice(keys, { 3: { end: attributes.valueWidth } })
    const { front } = stepSpan(step.segments, q.shape[1] as Dimension)
    const offsets = front ? subtract(step.lengths, front) : step.lengths
    return [attention(q, keys, values, { scale: attributes.scale, offsets }), withSlotRows(vectors, step, all)]
  },
  kernel: {
    operator: 'CachedLatentAttention',
    supports: ([q, , vectors]) => q?.dtype === 'f32' && vectors !== undefined && vectors.dtype in kernelForms,
    lower(emitter, { inputs, inputTypes, outputTypes, attributes }) {
      const { q, rows, vectors, lengths, slots = '', segments = '' } = named(inputs, attributes)
      const form = kernelForms[(inputTypes[2] as TensorType).dtype as keyof typeof kernelForms]
      return emitter.node(
        form,
        [q, rows, vectors, lengths, slots, segments],
        { scale: { float: attributes.scale }, values: attributes.valueWidth },
        { domain: 'r1', types: outputTypes, outputs: outputTypes.length },
      )
    },
  },
})

/** How a step attends over compressed vectors. */
export interface CachedLatentOptions extends StepRows {
  /** Factor of the scores. */
  readonly scale: number
  /** Features of a vector that are its value, e. */
  readonly valueWidth: number
}

/** What attention over compressed vectors gives. */
export interface CachedLatentAttention {
  /** `[B, S, H, e]`; rows of padding mean nothing. */
  readonly mixed: Tensor
  /** The buffer with the step's vectors in it. */
  readonly vectors: Tensor
}

/**
 * Causal attention of a step's tokens over the vectors of the earlier ones of their slots and of themselves, which it adds. A
 * buffer that is assigned its own update is written in place.
 *
 * @param q `[B, S, H, d]`
 * @param rows `[B, S, d]`: the vectors of the new tokens
 * @param vectors `[R, T, d]`
 */
export function cachedLatentAttention(
  q: Tensor,
  rows: Tensor,
  vectors: Tensor,
  { lengths, slots, segments, scale, valueWidth }: CachedLatentOptions,
): CachedLatentAttention {
  const optional = [slots, segments].filter((tensor) => tensor !== undefined)
  const attributes = { scale, valueWidth, slotted: Boolean(slots), segmented: Boolean(segments) }
  const [mixed, updated] = apply(cachedLatentAttentionOperator, [q, rows, vectors, lengths, ...optional], attributes)
  return { mixed: mixed as Tensor, vectors: updated as Tensor }
}
