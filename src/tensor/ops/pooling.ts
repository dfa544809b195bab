import type { Dimension } from '../dimension.ts'
import { isFloating } from '../dtype.ts'
import { dtypeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, checked, defineOperator } from '../operator.ts'
import type { TensorType } from '../shape.ts'
import { fill } from './constant.ts'
import { divide } from './elementwise.ts'
import { max, sum } from './reduction.ts'
import { reshape } from './shape.ts'
import { spatialExtents, unfold, type WindowOptions, type Windows, windowCounts, windowsOf } from './windows.ts'

function pooled([x]: readonly TensorType[], windows: Windows): readonly TensorType[] {
  if (!x || !isFloating(x.dtype)) throw dtypeViolation('a floating dtype is needed')
  const counts = windowCounts(spatialExtents(x.shape), windows)
  return [{ dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...counts] }]
}

function onnxAttributes({ kernel, strides, dilations, padding }: Windows) {
  return { kernel_shape: kernel, strides, dilations, pads: padding }
}

/** Results by window brought back to `[B, C, o…]`. */
function image(y: Tensor, x: Tensor, windows: Windows): Tensor {
  const [batch, channels] = y.shape as readonly [Dimension, Dimension]
  return reshape(y, [batch, channels, ...windowCounts(spatialExtents(x.shape), windows)])
}

const maxPoolOperator = defineOperator<Windows>({
  name: 'maxPool',
  summary: 'Largest element under a window',
  infer: pooled,
  lower: (emitter, { inputs, attributes }) => emitter.node('MaxPool', inputs, onnxAttributes(attributes)),
  composite: ([x], windows) =>
    x ? [image(max(unfold(x, windows, Number.NEGATIVE_INFINITY), { axes: [2] }), x, windows)] : [],
})

const averagePoolOperator = defineOperator<Windows>({
  name: 'averagePool',
  summary: 'Mean of the elements under a window; padding does not count',
  infer: pooled,
  supports: ([x]) => x?.dtype !== 'f64',
  lower: (emitter, { inputs, attributes }) => emitter.node('AveragePool', inputs, onnxAttributes(attributes)),
  composite([x], windows) {
    if (!x) return []
    const ones = fill([1, 1, ...x.shape.slice(2)], 1, x.dtype)
    const total = (tensor: Tensor) => image(sum(unfold(tensor, windows), { axes: [2] }), x, windows)
    return [divide(total(x), total(ones))]
  },
})

export interface PoolingOptions extends WindowOptions {
  /** Extents of the window; also the stride, where none is given. */
  readonly kernel: number | readonly number[]
}

function geometry(name: string, x: Tensor, options: PoolingOptions): Windows {
  return checked(name, [x], () => {
    const extents = spatialExtents(x.shape)
    const { kernel } = options
    const sizes = typeof kernel === 'number' ? extents.map(() => kernel) : kernel
    return windowsOf(extents, sizes, { stride: sizes, ...options })
  })
}

/**
 * Largest element under each window of one or two axes; the gradient goes to all places where it stands, in equal parts.
 *
 * @param x `[B, C, L]` or `[B, C, H, W]`
 */
export function maxPool(x: Tensor, options: PoolingOptions): Tensor {
  return applyOne(maxPoolOperator, [x], geometry('maxPool', x, options))
}

/**
 * Mean of the elements under each window of one or two axes; places of the padding are not counted.
 *
 * @param x `[B, C, L]` or `[B, C, H, W]`
 */
export function averagePool(x: Tensor, options: PoolingOptions): Tensor {
  return applyOne(averagePoolOperator, [x], geometry('averagePool', x, options))
}
