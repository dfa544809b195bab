import { multiplyDimensions } from '../dimension.ts'
import { attributeViolation, dtypeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, defineOperator, type GradientCall, type Operator } from '../operator.ts'
import { formatShape, normalizeAxis, type Shape } from '../shape.ts'
import { dimensionValue } from './constant.ts'
import { cast, divide, equal, exp, multiply, subtract, where } from './elementwise.ts'
import { broadcastTo, reshape } from './shape.ts'

/** Axes to reduce (all without it), and whether they stay with extent 1. */
export interface ReductionOptions {
  readonly axes?: readonly number[]
  readonly keepDimensions?: boolean
}

type ReductionAttributes = { readonly axes: readonly number[]; readonly keepDimensions: boolean }

/** The reduced shape with extents of 1, to which a gradient is brought before it is broadcast back. */
function keptShape(shape: Shape, axes: readonly number[]): Shape {
  return shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
}

function reduction(
  name: string,
  onnx: string,
  summary: string,
  derivative: (call: { x: Tensor; y: Tensor; dy: Tensor; axes: readonly number[] }) => Tensor,
): (x: Tensor, options?: ReductionOptions) => Tensor {
  const operator: Operator<ReductionAttributes> = defineOperator<ReductionAttributes>({
    name,
    summary,
    infer([x], { axes, keepDimensions }) {
      if (!x || x.dtype === 'bool') throw dtypeViolation('booleans cannot be reduced; cast them')
      if (axes.some((axis) => normalizeAxis(axis, x.shape.length) !== axis)) {
        throw attributeViolation(`axes [${axes}] are not those of ${formatShape(x.shape)}`)
      }
      const shape = keepDimensions ? keptShape(x.shape, axes) : x.shape.filter((_, axis) => !axes.includes(axis))
      return [{ dtype: x.dtype, shape }]
    },
    gradient({ inputs, outputs, outputGradients: [dy], attributes: { axes } }: GradientCall<ReductionAttributes>) {
      const x = inputs[0] as Tensor
      if (!dy) return []
      const kept = keptShape(x.shape, axes)
      return [derivative({ x, y: reshape(outputs[0] as Tensor, kept), dy: reshape(dy, kept), axes })]
    },
    lower: (emitter, { inputs, attributes: { axes, keepDimensions } }) =>
      emitter.node(onnx, [...inputs, emitter.constant('i64', [axes.length], axes)], {
        keepdims: keepDimensions ? 1 : 0,
        noop_with_empty_axes: 1,
      }),
  })
  return (x, { axes, keepDimensions = false } = {}) =>
    applyOne(operator, [x], {
      axes: (axes ?? x.shape.map((_, axis) => axis)).map((axis) => normalizeAxis(axis, x.rank) ?? axis),
      keepDimensions,
    })
}

/** Sum over axes. */
export const sum = reduction('sum', 'ReduceSum', 'Sum over axes', ({ x, dy }) => broadcastTo(dy, x.shape))
/** Mean over axes. */
export const mean = reduction('mean', 'ReduceMean', 'Mean over axes', ({ x, dy, axes }) => {
  const count = axes.reduce((product, axis) => multiplyDimensions(product, x.shape[axis] ?? 1), 1 as Shape[number])
  return broadcastTo(divide(dy, dimensionValue(count, dy.dtype)), x.shape)
})

/** Product over axes. */
export const product = reduction('product', 'ReduceProd', 'Product over axes', ({ x, dy, axes }) => {
  // The product of the other elements: by division, but for slices with one zero; with two it is zero everywhere.
  const isZero = equal(x, 0)
  const others = where(isZero, 1, x)
  const count = sum(cast(isZero, x.dtype), { axes, keepDimensions: true })
  const nonzero = multiply(dy, product(others, { axes, keepDimensions: true }))
  const nothing = multiply(nonzero, 0)
  const ofZero = where(equal(count, 1), nonzero, nothing)
  return where(isZero, ofZero, divide(where(equal(count, 0), nonzero, nothing), others))
})

/** The gradient of an extremum goes to where it stands, in equal parts where it stands several times. */
function toExtremum({ x, y, dy, axes }: { x: Tensor; y: Tensor; dy: Tensor; axes: readonly number[] }): Tensor {
  const hits = cast(equal(x, y), x.dtype)
  return multiply(hits, divide(dy, sum(hits, { axes, keepDimensions: true })))
}
/** Largest element over axes; its gradient goes to all places where it stands, in equal parts. */
export const max = reduction('max', 'ReduceMax', 'Largest element over axes', toExtremum)
/** Smallest element over axes; its gradient goes to all places where it stands, in equal parts. */
export const min = reduction('min', 'ReduceMin', 'Smallest element over axes', toExtremum)
/** `log Σeˣ` over axes. */
export const logSumExp = reduction(
  'logSumExp',
  'ReduceLogSumExp',
  'Logarithm of the sum of exponentials over axes',
  ({ x, y, dy }) => multiply(dy, exp(subtract(x, y))),
)
