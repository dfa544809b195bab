import type { Dimension } from '../dimension.ts'
import { attributeViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { formatShape, type Shape } from '../shape.ts'
import { add } from './elementwise.ts'
import { pad, zeroPad } from './pad.ts'
import { concat, reshape, split } from './shape.ts'
import { slice, spread } from './slice.ts'

/*
 * Sliding windows over the spatial axes of [B, C, n…] (one or two axes), as convolution and pooling see them.
 * k window extents, o output extents: o = ⌊(n + padding − dilation · (k − 1) − 1) / stride⌋ + 1.
 */

/** The geometry of windows as attributes: one number an axis; padding is all numbers before, then all after, as in ONNX. */
export type Windows = {
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly padding: readonly number[]
}

/** How users say it: one number for all axes, or one an axis. `'same'` gives ⌈n / stride⌉ outputs. */
export interface WindowOptions {
  readonly stride?: number | readonly number[]
  readonly dilation?: number | readonly number[]
  readonly padding?: 'same' | number | readonly (number | readonly [before: number, after: number])[]
}

/** The spatial extents of `[B, C, n…]`. */
export function spatialExtents(shape: Shape): readonly number[] {
  const extents = shape.slice(2)
  if (extents.length < 1 || extents.length > 2) {
    throw shapeViolation(`${formatShape(shape)} is not [batch, channels, length] or [batch, channels, height, width]`)
  }
  const named = extents.find((extent) => typeof extent === 'string')
  if (named !== undefined) throw shapeViolation(`the extent ${named} of a window's axis must be known`)
  return extents as readonly number[]
}

/** The options of a user, spelled out for each axis of `extents`. */
export function windowsOf(extents: readonly number[], kernel: readonly number[], options: WindowOptions): Windows {
  const each = (value: number | readonly number[] | undefined, name: string): readonly number[] => {
    const values = typeof value === 'object' ? value : kernel.map(() => value ?? 1)
    if (values.length !== kernel.length || !values.every((item) => Number.isInteger(item) && item > 0)) {
      throw attributeViolation(`${name} [${values}] is not one whole number > 0 for each of ${kernel.length} axes`)
    }
    return values
  }
  const strides = each(options.stride, 'stride')
  const dilations = each(options.dilation, 'dilation')
  each(kernel, 'kernel')
  const { padding = 0 } = options
  const pairs = extents.map((extent, axis): readonly [number, number] => {
    if (padding === 'same') {
      const [stride, span] = [strides[axis] as number, (dilations[axis] as number) * ((kernel[axis] as number) - 1)]
      const total = Math.max((Math.ceil(extent / stride) - 1) * stride + span + 1 - extent, 0)
      return [Math.floor(total / 2), Math.ceil(total / 2)]
    }
    const own = typeof padding === 'number' ? padding : (padding[axis] ?? 0)
    return typeof own === 'number' ? [own, own] : own
  })
  if (pairs.flat().some((places) => !Number.isInteger(places) || places < 0)) {
    throw attributeViolation(`padding [${pairs.join('; ')}] is not made of whole numbers ≥ 0`)
  }
  return {
    kernel,
    strides,
    dilations,
    padding: [...pairs.map(([before]) => before), ...pairs.map(([, after]) => after)],
  }
}

/** What the window covers along an axis, and the padding there. */
function along({ kernel, strides, dilations, padding }: Windows, axis: number) {
  return {
    stride: strides[axis] ?? 1,
    dilation: dilations[axis] ?? 1,
    before: padding[axis] ?? 0,
    after: padding[axis + kernel.length] ?? 0,
    span: (dilations[axis] ?? 1) * ((kernel[axis] ?? 1) - 1) + 1,
  }
}

/** Number of windows along each axis. */
export function windowCounts(extents: readonly number[], windows: Windows): readonly number[] {
  return extents.map((extent, axis) => {
    const { stride, before, after, span } = along(windows, axis)
    const count = Math.floor((extent + before + after - span) / stride) + 1
    if (count < 1) throw shapeViolation(`a window of ${span} does not fit into ${extent} + ${before + after} places`)
    return count
  })
}

/** Every place inside a window, outermost axis first: `[[0, 0], [0, 1], …]`. */
function placesOf(kernel: readonly number[]): readonly (readonly number[])[] {
  return kernel.reduce<readonly (readonly number[])[]>(
    (places, extent) => places.flatMap((place) => Array.from({ length: extent }, (_, index) => [...place, index])),
    [[]],
  )
}

const flatten = (counts: readonly number[]): number => counts.reduce((product, count) => product * count, 1)

/**
 * The elements under each place of the window: `[B, C, n…]` → `[B, C, K, O]`, K places of the window, O windows.
 *
 * @param value what stands in the padding
 */
export function unfold(x: Tensor, windows: Windows, value = 0): Tensor {
  const extents = spatialExtents(x.shape)
  const counts = windowCounts(extents, windows)
  const [batch, channels] = x.shape as readonly [Dimension, Dimension]
  const pads = extents.map((_, axis) => [axis + 2, [along(windows, axis).before, along(windows, axis).after]] as const)
  const padded = pad(x, Object.fromEntries(pads), value)
  const parts = placesOf(windows.kernel).map((place) => {
    const ranges = place.map((offset, axis) => {
      const { stride, dilation } = along(windows, axis)
      const start = offset * dilation
      return [axis + 2, { start, end: start + ((counts[axis] as number) - 1) * stride + 1, step: stride }] as const
    })
    return reshape(slice(padded, Object.fromEntries(ranges)), [batch, channels, 1, flatten(counts)])
  })
  return concat(parts, 2)
}

/** The adjoint of `unfold`: `[B, C, K, O]` → `[B, C, n…]`, where windows overlap their elements are added. */
export function fold(columns: Tensor, extents: readonly number[], windows: Windows): Tensor {
  const counts = windowCounts(extents, windows)
  const [batch, channels] = columns.shape as readonly [Dimension, Dimension]
  const places = placesOf(windows.kernel)
  const parts = split(
    columns,
    places.map(() => 1),
    2,
  ).map((part, index) =>
    (places[index] ?? []).reduce(
      (image, offset, axis) => {
        const { stride, dilation, before, after } = along(windows, axis)
        const first = offset * dilation
        const total = (extents[axis] as number) + before + after
        return zeroPad(
          spread(image, axis + 2, stride),
          axis + 2,
          first,
          total - first - ((counts[axis] as number) - 1) * stride - 1,
        )
      },
      reshape(part, [batch, channels, ...counts]),
    ),
  )
  const ranges = extents.map((extent, axis) => {
    const { before } = along(windows, axis)
    return [axis + 2, { start: before, end: before + extent }] as const
  })
  return slice(parts.reduce(add), Object.fromEntries(ranges))
}
