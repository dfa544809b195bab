import { addDimensions, type Dimension, subtractDimensions } from '../dimension.ts'
import { attributeViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, checked, defineOperator } from '../operator.ts'
import { formatShape, normalizeAxis, type Shape, sameShape } from '../shape.ts'
import { zeroPad } from './pad.ts'
import { expandDimension, reshape } from './shape.ts'

/** Part of one axis, as in JavaScript's `slice`: negative places count from the end; `step` may be negative. */
export interface SliceRange {
  readonly start?: number
  readonly end?: number
  readonly step?: number
}

type SliceAttributes = {
  readonly axes: readonly number[]
  /** First place taken along each axis; negative from the end where the axis has a name. */
  readonly starts: readonly number[]
  readonly ends: readonly number[]
  readonly steps: readonly number[]
}

/** ONNX's way to say "to the end" in either direction. */
const farEnd = 2 ** 31 - 1

/** Extent that remains of an axis, and ONNX's start and end. */
function resolve(
  extent: Dimension,
  { start, end, step = 1 }: SliceRange,
): { start: number; end: number; extent: Dimension } {
  if (![start ?? 0, end ?? 0, step].every(Number.isInteger) || step === 0) {
    throw attributeViolation(
      `start ${start}, end ${end}, step ${step}: whole numbers and a step that is not 0 are needed`,
    )
  }
  if (typeof extent === 'number') return resolveNumber(extent, { start, end, step })
  const whole = start === undefined && end === undefined
  if (step === 1) return resolveNamed(extent, start ?? 0, end)
  if (step === -1 && whole) return { start: -1, end: -farEnd, extent }
  throw attributeViolation(`a step of ${step} along the named axis ${extent} is known only for the whole axis and −1`)
}

function resolveNumber(extent: number, { start, end, step }: SliceRange & { step: number }) {
  const place = (position: number) => (position < 0 ? position + extent : position)
  if (step > 0) {
    const first = Math.min(Math.max(place(start ?? 0), 0), extent)
    const last = Math.min(Math.max(end === undefined ? extent : place(end), first), extent)
    return { start: first, end: last, extent: Math.ceil((last - first) / step) }
  }
  const first = Math.min(start === undefined ? extent - 1 : place(start), extent - 1)
  const last = Math.min(Math.max(end === undefined ? -1 : place(end), -1), first)
  return { start: first, end: last < 0 ? -farEnd : last, extent: Math.ceil((first - last) / -step) }
}

/** Along a named axis the extent is a polynomial, and the axis is taken to be long enough. */
function resolveNamed(extent: Dimension, start: number, end: number | undefined) {
  const from = (position: number): Dimension => (position < 0 ? addDimensions(extent, position) : position)
  const first = from(start)
  const last = end === undefined ? extent : from(end)
  const size = subtractDimensions(last, first)
  if (typeof size === 'number' ? size < 0 : typeof first === 'string' && typeof last === 'number')
    throw attributeViolation(`[${start}, ${end}) of ${extent} is empty`)
  return { start, end: end ?? farEnd, extent: size }
}

const sliceOperator = defineOperator<SliceAttributes & { readonly shape: Shape }>({
  name: 'slice',
  summary: 'Part of each axis: start, end and step',
  infer([x], { axes, shape }) {
    if (!x || axes.some((axis) => normalizeAxis(axis, x.shape.length) !== axis)) {
      throw attributeViolation(`axes [${axes}] are not those of ${formatShape(x?.shape ?? [])}`)
    }
    return [{ dtype: x.dtype, shape }]
  },
  gradient({ inputs: [x], outputGradients: [dy], attributes: { axes, starts, steps } }) {
    if (!dy || !x) return []
    return [
      axes.reduceRight((sum, axis, index) => place(sum, x.shape, axis, starts[index] ?? 0, steps[index] ?? 1), dy),
    ]
  },
  lower(emitter, { inputs, attributes }) {
    const vector = (values: readonly number[]) => emitter.constant('i64', [values.length], values)
    const emit = (input: string, { starts, ends, axes, steps }: SliceAttributes) =>
      emitter.value('Slice', [input, vector(starts), vector(ends), vector(axes), vector(steps)])
    const [x] = inputs as readonly [string]
    if (emitter.device === 'cpu' || attributes.steps.every((step) => step > 0)) return [emit(x, attributes)]
    // ONNX Runtime's WebGPU form is right backwards only over whole axes.
    return [emit(emit(x, forwards(attributes)), backwards(attributes))]
  },
})

/** The same elements taken with positive steps. */
function forwards({ axes, starts, ends, steps, shape }: SliceAttributes & { readonly shape: Shape }): SliceAttributes {
  const bounds = axes.map((axis, index): readonly [start: number, end: number, step: number] => {
    const [start, end, step] = [starts[index] ?? 0, ends[index] ?? farEnd, steps[index] ?? 1]
    const count = shape[axis]
    if (step > 0) return [start, end, step]
    return typeof count === 'number' ? [start + (count - 1) * step, start + 1, -step] : [0, farEnd, 1]
  })
  const column = (which: 0 | 1 | 2) => bounds.map((bound) => bound[which])
  return { axes, starts: column(0), ends: column(1), steps: column(2) }
}

/** Turns whole axes round: those whose step is negative. */
function backwards({ axes, steps }: SliceAttributes): SliceAttributes {
  const turned = axes.filter((_, index) => (steps[index] ?? 1) < 0)
  const each = (value: number) => turned.map(() => value)
  return { axes: turned, starts: each(-1), ends: each(-farEnd), steps: each(-1) }
}

/** The gradient of one sliced axis: `dy` put back in its places, with zeros between and around. */
function place(dy: Tensor, shape: Shape, axis: number, start: number, step: number): Tensor {
  const full = shape[axis] as Dimension
  const count = dy.shape[axis] as Dimension
  if (count === full && Math.abs(step) === 1) return step === 1 ? dy : flip(dy, [axis])
  const stride = Math.abs(step)
  const ordered = step < 0 ? flip(dy, [axis]) : dy
  const spaced = stride === 1 ? ordered : spread(ordered, axis, stride)
  // Places before the first one taken. Along a named axis only the step 1 is possible.
  if (typeof full === 'string' || typeof count === 'string') {
    const before: Dimension = start < 0 ? addDimensions(full, start) : start
    return zeroPad(spaced, axis, before, subtractDimensions(subtractDimensions(full, count), before))
  }
  const first = step < 0 ? start + (count - 1) * step : start
  const after = full - first - ((count - 1) * stride + 1)
  return zeroPad(spaced, axis, first, after)
}

/** `stride − 1` zeros between the elements along an axis: extent n becomes (n − 1) · stride + 1. */
export function spread(x: Tensor, axis: number, stride: number): Tensor {
  if (stride === 1) return x
  const wide = zeroPad(expandDimension(x, axis + 1), axis + 1, 0, stride - 1)
  const count = x.shape[axis] as Dimension
  if (typeof count === 'string') throw shapeViolation(`the named axis ${count} cannot be spread`)
  return slice(reshape(wide, x.shape.with(axis, count * stride)), { [axis]: { end: (count - 1) * stride + 1 } })
}

/**
 * Part of each axis that is named in `ranges`, as in NumPy's basic slicing.
 *
 * @param ranges by axis (negative ones count from the end): `{ 1: { start: -3 } }` are the last three along axis 1;
 *   an axis with a name takes start and end with step 1, or the whole backwards
 * @throws R1Error `bad-attribute` for an axis that is not there or a range that is not whole numbers
 */
export function slice(x: Tensor, ranges: Readonly<Record<number, SliceRange>>): Tensor {
  const axes: number[] = []
  const [starts, ends, steps]: [number[], number[], number[]] = [[], [], []]
  const shape = [...x.shape]
  for (const [key, range] of Object.entries(ranges)) {
    const axis = normalizeAxis(Number(key), x.rank) ?? Number(key)
    const extent = x.shape[axis] ?? 0
    const { start, end, extent: remaining } = checked('slice', [x], () => resolve(extent, range))
    axes.push(axis)
    starts.push(start)
    ends.push(end)
    steps.push(range.step ?? 1)
    shape[axis] = remaining
  }
  const unchanged = sameShape(shape, x.shape) && steps.every((step) => step === 1)
  return unchanged ? x : applyOne(sliceOperator, [x], { axes, starts, ends, steps, shape })
}

/** `x` backwards along the given axes. */
export function flip(x: Tensor, axes: readonly number[]): Tensor {
  return slice(x, Object.fromEntries(axes.map((axis) => [axis, { step: -1 }])))
}
