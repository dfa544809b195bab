import type { Dimension } from '../dimension.ts'
import { isFloating } from '../dtype.ts'
import { dtypeViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, checked, defineOperator, type GradientCall, type Operator } from '../operator.ts'
import { formatShape, type TensorType } from '../shape.ts'
import { add } from './elementwise.ts'
import { matmul } from './matmul.ts'
import { sum } from './reduction.ts'
import { reshape } from './shape.ts'
import { fold, spatialExtents, unfold, type WindowOptions, type Windows, windowCounts, windowsOf } from './windows.ts'

/*
 * Convolution over one or two axes, and its adjoint. B batch, C channels of x, F features of y, G groups, n and o extents
 * of x and y, k extents of the window; K = Πk, O = Πo. weight is [F, C/G, k…] for both, since the adjoint takes y to x.
 */

type ConvolutionAttributes = Windows & { readonly groups: number }
/** The adjoint is also told the extents it makes: several n give the same o. */
type TransposedAttributes = ConvolutionAttributes & { readonly extents: readonly number[] }

function requireOperands(
  x: TensorType | undefined,
  weight: TensorType | undefined,
): { x: TensorType; weight: TensorType } {
  if (!x || !weight || x.dtype !== weight.dtype || !isFloating(x.dtype)) {
    throw dtypeViolation('x and weight must have the same floating dtype')
  }
  if (weight.shape.length !== x.shape.length) {
    throw shapeViolation(`x ${formatShape(x.shape)} and weight ${formatShape(weight.shape)} differ in axes`)
  }
  return { x, weight }
}

const notDouble = ([x]: readonly TensorType[]): boolean => x?.dtype !== 'f64'

function onnxAttributes({ kernel, strides, dilations, padding, groups }: ConvolutionAttributes) {
  return { kernel_shape: kernel, strides, dilations, pads: padding, group: groups }
}

/** `[B, C, K, O]` → `[B, G, C/G · K, O]`. */
function grouped(columns: Tensor, groups: number): Tensor {
  const [batch, , , windows] = columns.shape as readonly Dimension[] & { length: 4 }
  return reshape(columns, [batch as Dimension, groups, -1, windows as Dimension])
}

/** `[B, F, o…]` → `[B, G, F/G, O]`. */
function rows(y: Tensor, groups: number): Tensor {
  const [batch, features] = y.shape as readonly [Dimension, number]
  return reshape(y, [batch, groups, features / groups, -1])
}

const matrices = (weight: Tensor, groups: number): Tensor =>
  reshape(weight, [groups, Number(weight.shape[0]) / groups, -1])

/** Gradient by the weight, of a convolution from `x` to `y`: products of every window with every feature. */
function weightGradient(x: Tensor, y: Tensor, weight: Tensor, attributes: ConvolutionAttributes): Tensor {
  const { groups } = attributes
  const products = matmul(rows(y, groups), grouped(unfold(x, attributes), groups), { transposeB: true })
  return reshape(sum(products, { axes: [0] }), weight.shape)
}

const convolutionOperator: Operator<ConvolutionAttributes> = defineOperator<ConvolutionAttributes>({
  name: 'convolution',
  summary: 'Convolution over one or two axes, with stride, dilation, padding and groups',
  infer(inputs, attributes) {
    const { x, weight } = requireOperands(inputs[0], inputs[1])
    const counts = windowCounts(spatialExtents(x.shape), attributes)
    const [features, channels] = weight.shape as readonly [number, number]
    const { groups } = attributes
    if (x.shape[1] !== channels * groups || features % groups !== 0) {
      throw shapeViolation(
        `weight ${formatShape(weight.shape)} in ${groups} groups does not fit the channels of ${formatShape(x.shape)}`,
      )
    }
    return [{ dtype: x.dtype, shape: [x.shape[0] as Dimension, features, ...counts] }]
  },
  gradient({ inputs, outputGradients: [dy], attributes, needs }: GradientCall<ConvolutionAttributes>) {
    const [x, weight] = inputs as readonly [Tensor, Tensor]
    if (!dy) return []
    const extents = spatialExtents(x.shape)
    return [
      needs[0] ? applyOne(transposedOperator, [dy, weight], { ...attributes, extents }) : undefined,
      needs[1] ? weightGradient(x, dy, weight, attributes) : undefined,
    ]
  },
  supports: notDouble,
  lower: (emitter, { inputs, attributes }) => emitter.node('Conv', inputs, onnxAttributes(attributes)),
  composite([x, weight], attributes) {
    if (!x || !weight) return []
    const { groups } = attributes
    const y = matmul(matrices(weight, groups), grouped(unfold(x, attributes), groups))
    return [reshape(y, [x.shape[0] as Dimension, weight.shape[0] as Dimension, ...countsOf(x, attributes)])]
  },
})

const countsOf = (x: Tensor, windows: Windows): readonly number[] => windowCounts(spatialExtents(x.shape), windows)

const transposedOperator: Operator<TransposedAttributes> = defineOperator<TransposedAttributes>({
  name: 'transposedConvolution',
  summary: 'The adjoint of convolution: from its outputs back to its inputs (upsampling)',
  infer(inputs, attributes) {
    const { x, weight } = requireOperands(inputs[0], inputs[1])
    const counts = windowCounts(attributes.extents, attributes)
    if (String(spatialExtents(x.shape)) !== String(counts)) {
      throw shapeViolation(`[${attributes.extents}] has windows [${counts}], not ${formatShape(x.shape.slice(2))}`)
    }
    const [features, channels] = weight.shape as readonly [number, number]
    if (x.shape[1] !== features || features % attributes.groups !== 0) {
      throw shapeViolation(`weight ${formatShape(weight.shape)} does not fit the channels of ${formatShape(x.shape)}`)
    }
    return [{ dtype: x.dtype, shape: [x.shape[0] as Dimension, channels * attributes.groups, ...attributes.extents] }]
  },
  gradient({ inputs, outputGradients: [dy], attributes, needs }: GradientCall<TransposedAttributes>) {
    const [x, weight] = inputs as readonly [Tensor, Tensor]
    if (!dy) return []
    const { extents: _, ...forward } = attributes
    return [
      needs[0] ? applyOne(convolutionOperator, [dy, weight], forward) : undefined,
      needs[1] ? weightGradient(dy, x, weight, forward) : undefined,
    ]
  },
  supports: notDouble,
  lower(emitter, { inputs, attributes }) {
    const { kernel, strides, dilations, padding, extents } = attributes
    const rest = extents.map((extent, axis) => {
      const [before, after] = [padding[axis] ?? 0, padding[axis + kernel.length] ?? 0]
      const span = (dilations[axis] ?? 1) * ((kernel[axis] ?? 1) - 1) + 1
      return (extent + before + after - span) % (strides[axis] ?? 1)
    })
    return emitter.node('ConvTranspose', inputs, { ...onnxAttributes(attributes), output_padding: rest })
  },
  composite([x, weight], attributes) {
    if (!x || !weight) return []
    const { groups, kernel, extents } = attributes
    const columns = matmul(matrices(weight, groups), rows(x, groups), { transposeA: true })
    const places = kernel.reduce((product, extent) => product * extent, 1)
    const channels = Number(weight.shape[1]) * groups
    return [
      fold(
        reshape(columns, [x.shape[0] as Dimension, channels, places, columns.shape.at(-1) as Dimension]),
        extents,
        attributes,
      ),
    ]
  },
})

export interface ConvolutionOptions extends WindowOptions {
  /** `[F]`, added to each feature. */
  readonly bias?: Tensor
  /** Channels and features are divided into this many groups that do not see each other. */
  readonly groups?: number
}

function withBias(y: Tensor, bias: Tensor | undefined): Tensor {
  return bias ? add(y, reshape(bias, [bias.shape[0] as Dimension, ...y.shape.slice(2).map(() => 1)])) : y
}

/**
 * Convolution (cross-correlation) over one or two axes.
 *
 * @param x `[B, C, L]` or `[B, C, H, W]`
 * @param weight `[F, C/groups, k…]`
 * @returns `[B, F, …]`
 * @throws R1Error `shape-mismatch` where the channels do not fit or a window is larger than its axis
 */
export function convolution(x: Tensor, weight: Tensor, options: ConvolutionOptions = {}): Tensor {
  const windows = checked('convolution', [x, weight], () => {
    requireOperands(x, weight)
    return windowsOf(spatialExtents(x.shape), spatialExtents(weight.shape), options)
  })
  return withBias(applyOne(convolutionOperator, [x, weight], { ...windows, groups: options.groups ?? 1 }), options.bias)
}

export interface TransposedConvolutionOptions extends ConvolutionOptions {
  /** Places added at the end of each axis, less than the stride. */
  readonly outputPadding?: number
}

/**
 * Transposed convolution over one or two axes: the adjoint of `convolution` with the same options.
 *
 * @param x `[B, F, L]` or `[B, F, H, W]`
 * @param weight `[F, C/groups, k…]`
 * @returns `[B, C, …]`, each extent (o − 1) · stride − padding + dilation · (k − 1) + 1 + outputPadding
 */
export function transposedConvolution(x: Tensor, weight: Tensor, options: TransposedConvolutionOptions = {}): Tensor {
  const { groups = 1, outputPadding = 0 } = options
  const attributes = checked('transposedConvolution', [x, weight], () => {
    requireOperands(x, weight)
    if (options.padding === 'same') throw shapeViolation("'same' does not say how large the result is")
    const counts = spatialExtents(x.shape)
    const windows = windowsOf(counts, spatialExtents(weight.shape), options)
    const { kernel, strides, dilations, padding } = windows
    const extents = counts.map((count, axis) => {
      const places = (padding[axis] ?? 0) + (padding[axis + kernel.length] ?? 0)
      const span = (dilations[axis] ?? 1) * ((kernel[axis] ?? 1) - 1)
      return (count - 1) * (strides[axis] ?? 1) - places + span + 1 + outputPadding
    })
    return { ...windows, groups, extents }
  })
  return withBias(applyOne(transposedOperator, [x, weight], attributes), options.bias)
}
