import type { Dimension } from '../dimension.ts'
import { attributeViolation, dtypeViolation, requireRank, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, defineOperator } from '../operator.ts'
import { formatShape, type Shape, sameShape, type TensorType } from '../shape.ts'
import { appendRows, type StepRows, slotRows, stepSpan, withSlotRows } from './append-rows.ts'
import { attention } from './attention.ts'
import { absolute, cast, divide, greater, multiply, round, subtract, where } from './elementwise.ts'
import { max } from './reduction.ts'
import { rope } from './rope.ts'
import { reshape, transpose } from './shape.ts'

/*
 * Attention of a step over a cache: turns queries and keys, writes keys and values, attends. B rows of the step, S tokens a
 * row, R slots of T places, H heads, K key-value heads, d and e widths of a key and a value.
 */

/** Places whose keys stand side by side, feature by feature: a block of keys is `[d, 16]`, so that a vector holds 16 places. */
export const placeBlock = 16

type CachedAttributes = {
  readonly window: number
  readonly scale: number
  readonly softcap: number
  readonly slotted: boolean
  readonly segmented: boolean
  readonly turned: boolean
  /** Buffers of int8, and two more of scales. */
  readonly coded: boolean
}

const required = ['q', 'k', 'v', 'keys', 'values', 'lengths'] as const

/** The inputs by name: those above, then the optional ones that the attributes say are there. */
function named<Input>(inputs: readonly Input[], { slotted, segmented, turned, coded }: CachedAttributes) {
  const rest = inputs.slice(required.length)
  const next = (present: boolean) => (present ? rest.shift() : undefined)
  const [q, k, v, keys, values, lengths] = inputs as readonly [Input, Input, Input, Input, Input, Input]
  const [slots, segments, positions] = [next(slotted), next(segmented), next(turned)]
  const [cos, sin, keyScales, valueScales] = [next(turned), next(turned), next(coded), next(coded)]
  return { q, k, v, keys, values, lengths, slots, segments, positions, cos, sin, keyScales, valueScales }
}

/** The type of the buffer of keys for R slots of T places. */
export function keyBufferShape(slots: Dimension, places: number, heads: number, width: number): Shape {
  return [slots, heads, places / placeBlock, width, placeBlock]
}

/** The type of the buffer of values for R slots of T places. */
export function valueBufferShape(slots: Dimension, places: number, heads: number, width: number): Shape {
  return [slots, heads, places, width]
}

/** The type of the buffers of scales, which int8 keys and values have. */
export function scaleBufferShape(slots: Dimension, places: number, heads: number): Shape {
  return [slots, heads, places, 1]
}

function check(inputs: readonly TensorType[], attributes: CachedAttributes): void {
  const { q, k, v, keys, values, lengths, slots, segments, keyScales, valueScales } = named<TensorType | undefined>(
    inputs,
    attributes,
  )
  if (!q || !k || !v || !keys || !values) throw shapeViolation('queries, keys, values and two buffers are needed')
  for (const [type, name] of [
    [q, 'queries'],
    [k, 'keys'],
    [v, 'values'],
    [values, 'the buffer of values'],
  ] as const)
    requireRank(type, 4, name)
  requireRank(keys, 5, 'the buffer of keys')
  const [batch, time, heads, width] = q.shape as readonly [Dimension, Dimension, number, number]
  const [, , keyHeads, valueWidth] = v.shape as readonly [Dimension, Dimension, number, number]
  if (!sameShape(k.shape, [batch, time, keyHeads, width])) {
    throw shapeViolation(`keys must be ${formatShape([batch, time, keyHeads, width])}`)
  }
  if (!sameShape(v.shape.slice(0, 2), [batch, time])) throw shapeViolation('values and queries differ in rows')
  if (heads % keyHeads !== 0) throw shapeViolation(`${heads} query heads do not share ${keyHeads} key heads evenly`)
  const [rows, , places] = values.shape as readonly [Dimension, number, number]
  const expected = [keyBufferShape(rows, places, keyHeads, width), valueBufferShape(rows, places, keyHeads, valueWidth)]
  if (!sameShape(keys.shape, expected[0] as Shape) || !sameShape(values.shape, expected[1] as Shape)) {
    throw shapeViolation(
      `the buffers must be ${expected.map(formatShape).join(' and ')}, a multiple of ${placeBlock} places`,
    )
  }
  if (!slots && rows !== batch) throw shapeViolation(`without slots the buffers must have ${batch} rows`)
  for (const [type, shape, name] of [
    [lengths, [batch], 'lengths'],
    [slots, [batch], 'slots'],
    [segments, [batch, time], 'segments'],
  ] as const) {
    if (type && (type.dtype !== 'i64' || !sameShape(type.shape, shape))) {
      throw shapeViolation(`${name} must be i64${formatShape(shape)}`)
    }
  }
  const scales = scaleBufferShape(rows, places, keyHeads)
  for (const type of attributes.coded ? [keyScales, valueScales] : []) {
    if (type?.dtype !== 'f32' || !sameShape(type.shape, scales)) {
      throw shapeViolation(`int8 buffers need scales f32${formatShape(scales)}`)
    }
  }
  if ((keys.dtype === 'i8') !== attributes.coded) throw dtypeViolation('buffers with scales are i8, others are not')
  if (keys.dtype !== values.dtype) throw dtypeViolation('the two buffers differ in dtype')
  if (!(attributes.softcap >= 0)) throw attributeViolation(`${attributes.softcap} is no cap of scores`)
}

/** `[B, K, T/16, d, 16]` → `[B, T, K, d]` */
function keyRows(blocks: Tensor): Tensor {
  const [batch, heads, count, width] = blocks.shape as readonly [Dimension, number, number, number]
  return reshape(transpose(blocks, [0, 2, 4, 1, 3]), [batch, count * placeBlock, heads, width])
}

/** `[B, T, K, d]` → `[B, K, T/16, d, 16]` */
function keyBlocks(rows: Tensor): Tensor {
  const [batch, places, heads, width] = rows.shape as readonly [Dimension, number, number, number]
  return transpose(reshape(rows, [batch, places / placeBlock, placeBlock, heads, width]), [0, 3, 1, 4, 2])
}

/** Between `[B, T, K, e]` and `[B, K, T, e]`. */
const swapHeads = (x: Tensor): Tensor => transpose(x, [0, 2, 1, 3])

/** The largest code of int8: the largest number of a head and place has it. */
const largestCode = 127

interface Extended {
  /** `[B, T, K, e]`: what is kept */
  readonly kept: Tensor
  /** `[B, T, K, 1]`, of codes */
  readonly scales?: Tensor
  /** `[B, T, K, e]`: what it stands for */
  readonly numbers: Tensor
}

/** Earlier rows `[B, T, K, e]`, which have scales `[R, K, T, 1]` where they are codes, and the step's rows behind them. */
function extended(earlier: Tensor, scales: Tensor | undefined, rows: Tensor, step: StepRows): Extended {
  if (!scales) {
    const kept = appendRows(earlier, rows, step)
    return { kept, numbers: kept }
  }
  const single = cast(rows, 'f32')
  const newScales = multiply(max(absolute(single), { axes: [3], keepDimensions: true }), 1 / largestCode)
  const codes = round(divide(single, where(greater(newScales, 0), newScales, 1)))
  // ONNX Runtime chooses between floats, not between bytes.
  const allCodes = appendRows(cast(earlier, 'f32'), codes, step)
  const allScales = appendRows(swapHeads(slotRows(scales, step)), newScales, step)
  return { kept: cast(allCodes, 'i8'), scales: allScales, numbers: multiply(allCodes, allScales) }
}

/** The native operator for buffers of each dtype. */
const kernelForms = { f32: 'CachedAttention', f16: 'CachedAttentionF16', i8: 'CachedAttentionI8' } as const

export const cachedAttentionOperator = defineOperator<CachedAttributes>({
  name: 'cachedAttention',
  summary:
    'Attention of new tokens over the slots of a cache, which it extends: rotation, cache write, grouped heads, windows',
  overwrites: true,
  infer(inputs, attributes) {
    check(inputs, attributes)
    const [q, , v, keys, values] = inputs as readonly [TensorType, TensorType, TensorType, TensorType, TensorType]
    const scales = attributes.coded ? inputs.slice(-2) : []
    return [{ dtype: q.dtype, shape: q.shape.with(3, v.shape[3] as Dimension) }, keys, values, ...scales]
  },
  composite(inputs, attributes) {
    const { q, k, v, keys, values, positions, cos, sin, keyScales, valueScales, ...step } = named(inputs, attributes)
    const { window, scale, softcap } = attributes
    const turn = (x: Tensor) => (cos && sin && positions ? rope(x, cos, sin, positions) : x)
    const newKeys = extended(keyRows(slotRows(keys, step)), keyScales, turn(k), step)
    const newValues = extended(swapHeads(slotRows(values, step)), valueScales, v, step)
    const { front } = stepSpan(step.segments, q.shape[1] as Dimension)
    const offsets = front ? subtract(step.lengths, front) : step.lengths
    const [wideKeys, wideValues] = [cast(newKeys.numbers, q.dtype), cast(newValues.numbers, q.dtype)]
    return [
      attention(turn(q), wideKeys, wideValues, { window, scale, softcap, offsets }),
      withSlotRows(keys, step, keyBlocks(newKeys.kept)),
      withSlotRows(values, step, swapHeads(newValues.kept)),
      ...(keyScales && newKeys.scales ? [withSlotRows(keyScales, step, swapHeads(newKeys.scales))] : []),
      ...(valueScales && newValues.scales ? [withSlotRows(valueScales, step, swapHeads(newValues.scales))] : []),
    ]
  },
  kernel: {
    operator: 'CachedAttention',
    supports: ([q, , , keys]) => q?.dtype === 'f32' && keys !== undefined && keys.dtype in kernelForms,
    lower(emitter, { inputs, inputTypes, outputTypes, attributes }) {
      const { window, scale, softcap } = attributes
      const { slots = '', segments = '', positions = '', cos = '', sin = '', ...rest } = named(inputs, attributes)
      const scales = [rest.keyScales, rest.valueScales].filter((name) => name !== undefined)
      const form = kernelForms[(inputTypes[3] as TensorType).dtype as keyof typeof kernelForms]
      return emitter.node(
        form,
        [...inputs.slice(0, required.length), slots, segments, positions, cos, sin, ...scales],
        { window, scale: { float: scale }, softcap: { float: softcap } },
        { domain: 'r1', types: outputTypes, outputs: outputTypes.length },
      )
    },
  },
})

/** How a step attends over a cache. */
export interface CachedAttentionOptions extends StepRows {
  /** Only the nearest `window` keys, the query's own included. */
  readonly window?: number | undefined
  /** Factor of the scores; 1/√d without it. */
  readonly scale?: number | undefined
  /** Scores s become softcap · tanh(s / softcap) (Gemma 2, arXiv:2408.00118). */
  readonly softcap?: number | undefined
  /** Buffers of scales `[R, K, T, 1]`, f32: keys and values are i8, and a number is its code times its scale. */
  readonly scales?: { readonly keys: Tensor; readonly values: Tensor } | undefined
  /** Queries and keys are turned: tables `[P, R/2]`, and the row of each token, i64 `[B, S]`. */
  readonly rotary?: { readonly cos: Tensor; readonly sin: Tensor; readonly positions: Tensor } | undefined
}

/** What attention over a cache gives. */
export interface CachedAttention {
  /** `[B, S, H, e]`; rows of padding mean nothing. */
  readonly mixed: Tensor
  /** The buffers with the step's keys and values in them. */
  readonly keys: Tensor
  readonly values: Tensor
  readonly scales?: { readonly keys: Tensor; readonly values: Tensor } | undefined
}

/**
 * Causal attention of a step's tokens over the earlier ones of their slots and themselves, whose keys and values it adds.
 * A buffer that is assigned its own update is written in place. Every row needs as many free places as it has tokens.
 *
 * @param q `[B, S, H, d]`, not turned yet
 * @param k `[B, S, K, d]`, H a multiple of K
 * @param v `[B, S, K, e]`
 * @param keys `[R, K, T/16, d, 16]`: keys in blocks of 16 places, feature by feature
 * @param values `[R, K, T, e]`
 */
export function cachedAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  keys: Tensor,
  values: Tensor,
  options: CachedAttentionOptions,
): CachedAttention {
  const { lengths, slots, segments, window = 0, softcap = 0, rotary, scales } = options
  const scale = options.scale ?? 1 / Math.sqrt(Number(q.shape.at(-1)))
  const optional = [
    slots,
    segments,
    ...(rotary ? [rotary.positions, rotary.cos, rotary.sin] : []),
    ...(scales ? [scales.keys, scales.values] : []),
  ]
  const inputs = [q, k, v, keys, values, lengths, ...optional.filter((tensor) => tensor !== undefined)]
  const attributes = {
    window,
    scale,
    softcap,
    slotted: Boolean(slots),
    segmented: Boolean(segments),
    turned: Boolean(rotary),
    coded: Boolean(scales),
  }
  const [mixed, newKeys, newValues, keyScales, valueScales] = apply(cachedAttentionOperator, inputs, attributes)
  return {
    mixed: mixed as Tensor,
    keys: newKeys as Tensor,
    values: newValues as Tensor,
    scales: keyScales && valueScales && { keys: keyScales, values: valueScales },
  }
}
