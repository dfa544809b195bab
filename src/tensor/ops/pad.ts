import { addDimensions, type Dimension } from '../dimension.ts'
import { attributeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, defineOperator } from '../operator.ts'
import { formatShape, normalizeAxis } from '../shape.ts'
import { slice } from './slice.ts'

type PadAttributes = {
  readonly axis: number
  readonly before: Dimension
  readonly after: Dimension
  readonly value: number
}

const padOperator = defineOperator<PadAttributes>({
  name: 'pad',
  summary: 'One value put before and after the elements of an axis',
  infer([x], { axis, before, after, value }) {
    if (!x || normalizeAxis(axis, x.shape.length) !== axis) {
      throw attributeViolation(`axis ${axis} is not one of ${formatShape(x?.shape ?? [])}`)
    }
    for (const count of [before, after]) {
      if (typeof count === 'number' && !(Number.isInteger(count) && count >= 0)) {
        throw attributeViolation(`${count} is no number of places`)
      }
    }
    if (Number.isNaN(value)) throw attributeViolation('padding with NaN')
    const extent = addDimensions(addDimensions(x.shape[axis] as Dimension, before), after)
    return [{ dtype: x.dtype, shape: x.shape.with(axis, extent) }]
  },
  gradient({ inputs: [x], outputGradients: [dy], attributes: { axis, before, after } }) {
    if (!dy || !x) return []
    if (typeof before === 'number' && typeof after === 'number') {
      return [slice(dy, { [axis]: { start: before, ...(after > 0 ? { end: -after } : {}) } })]
    }
    // Only the gradient of a slice pads by named extents, and there one side is a number: count from that side.
    if (typeof before === 'number') {
      return [slice(dy, { [axis]: { start: before, end: addDimensionsNumber(x.shape[axis], before) } })]
    }
    return [slice(dy, { [axis]: { start: -addDimensionsNumber(x.shape[axis], after), ...endBefore(after) } })]
  },
  lower(emitter, { inputs, inputTypes, attributes: { axis, before, after, value } }) {
    const [type] = inputTypes
    const fill = emitter.constant(type?.dtype ?? 'f32', [], [value])
    // All axes are named: ONNX Runtime's WebGPU form misreads a list of some.
    const nowhere = (type?.shape ?? []).map((): Dimension => 0)
    return emitter.node('Pad', [
      ...inputs,
      emitter.shape([...nowhere.with(axis, before), ...nowhere.with(axis, after)]),
      fill,
    ])
  },
})

function addDimensionsNumber(extent: Dimension | undefined, other: Dimension): number {
  const sum = addDimensions(extent ?? 0, other)
  if (typeof sum === 'string') throw attributeViolation(`the extent ${sum} is not known`)
  return sum
}

const endBefore = (after: Dimension) => (Number(after) > 0 ? { end: -Number(after) } : {})

/** Zeros before and after the elements of one axis, as many as an extent says. */
export function zeroPad(x: Tensor, axis: number, before: Dimension, after: Dimension): Tensor {
  return padAxis(x, { axis, before, after, value: 0 })
}

function padAxis(x: Tensor, attributes: PadAttributes): Tensor {
  return attributes.before === 0 && attributes.after === 0 ? x : applyOne(padOperator, [x], attributes)
}

/**
 * `value` put before and after the elements of axes.
 *
 * @param places by axis (negative ones count from the end): how many before and how many after, `{ 1: [2, 0] }`
 * @throws R1Error `bad-attribute` for an axis that is not there, a negative number of places or a value of NaN
 */
export function pad(
  x: Tensor,
  places: Readonly<Record<number, readonly [before: number, after: number]>>,
  value = 0,
): Tensor {
  return Object.entries(places).reduce((padded, [key, [before, after]]) => {
    const axis = normalizeAxis(Number(key), x.rank) ?? Number(key)
    return padAxis(padded, { axis, before, after, value })
  }, x)
}
