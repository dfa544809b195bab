import { type Dimension, evaluateDimension } from '../dimension.ts'
import type { DType } from '../dtype.ts'
import { attributeViolation, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, checked, defineOperator } from '../operator.ts'
import type { Shape } from '../shape.ts'

/** A tensor, or a number that takes the dtype of the tensor beside it. */
export type TensorLike = Tensor | number

const constantOperator = defineOperator<{
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly values: readonly number[] | ArrayBufferView
}>({
  name: 'constant',
  summary: 'Values known when the graph is traced',
  constant: true,
  infer(_, { dtype, shape, values }) {
    const count = shape.reduce((product, extent) => product * extent, 1)
    if (Array.isArray(values) && values.length !== count) {
      throw shapeViolation(`${values.length} values do not fill [${shape}]`)
    }
    return [{ dtype, shape }]
  },
  lower: (emitter, { attributes }) => [emitter.constant(attributes.dtype, attributes.shape, attributes.values)],
})

/**
 * Values known when the graph is traced, as a scalar, a vector, or in a given shape.
 *
 * @param values numbers in the dtype's range, or a typed array with the dtype's own bytes
 */
export function constant(
  values: number | readonly number[] | ArrayBufferView,
  options: { shape?: readonly number[]; dtype?: DType } = {},
): Tensor {
  const { dtype = 'f32' } = options
  if (typeof values === 'number') return applyOne(constantOperator, [], { dtype, shape: [], values: [values] })
  checked('constant', [], () => {
    if (ArrayBuffer.isView(values) && !options.shape) throw attributeViolation('the bytes need a shape')
  })
  const shape = options.shape ?? [(values as readonly number[]).length]
  return applyOne(constantOperator, [], { dtype, shape, values })
}

/** The value of a scalar constant, or undefined for any other tensor. */
export function scalarValue(tensor: Tensor): number | undefined {
  const { operator, attributes } = tensor.node
  return operator.name === 'constant' && Array.isArray(attributes.values) && attributes.values.length === 1
    ? Number(attributes.values[0])
    : undefined
}

/** `value` as a tensor; a number becomes a scalar constant of the dtype of `beside`. */
export function toTensor(value: TensorLike, beside: Tensor): Tensor {
  return typeof value === 'number' ? constant(value, { dtype: beside.dtype }) : value
}

const dimensionOperator = defineOperator<{ readonly dimension: Dimension; readonly dtype: DType }>({
  name: 'dimension',
  summary: 'The extent of a named dimension as a scalar',
  constant: true,
  infer: (_, { dtype }) => [{ dtype, shape: [] }],
  lower: (emitter, { attributes }) => [emitter.dimension(attributes.dimension, attributes.dtype)],
})

/** A dimension as a scalar tensor: a constant where it is a number. */
export function dimensionValue(dimension: Dimension, dtype: DType): Tensor {
  if (typeof dimension === 'number') return constant(evaluateDimension(dimension, new Map()), { dtype })
  return applyOne(dimensionOperator, [], { dimension, dtype })
}

const fillOperator = defineOperator<{ readonly value: number; readonly dtype: DType; readonly shape: Shape }>({
  name: 'fill',
  summary: 'One value in every place of a shape',
  constant: true,
  infer: (_, { dtype, shape }) => [{ dtype, shape }],
  lower: (emitter, { attributes: { value, dtype, shape } }) => [
    emitter.value('Expand', [emitter.constant(dtype, [], [value]), emitter.shape(shape)]),
  ],
})

/** A tensor with `value` in every place. */
export function fill(shape: Shape, value: number, dtype: DType = 'f32'): Tensor {
  return shape.length === 0 ? constant(value, { dtype }) : applyOne(fillOperator, [], { value, dtype, shape })
}

export function zerosLike(tensor: Tensor): Tensor {
  return fill(tensor.shape, 0, tensor.dtype)
}
