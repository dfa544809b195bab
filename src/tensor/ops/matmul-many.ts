import { shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, defineOperator } from '../operator.ts'
import { formatType, sameShape, type TensorType } from '../shape.ts'
import { add } from './elementwise.ts'
import { type MatmulAttributes, matmulOperator } from './matmul.ts'

/*
 * Products that share packing. The pass `mergeProducts` makes them; only kernels compute them at once.
 */

const isMatrix = ({ dtype, shape }: TensorType): boolean => (dtype === 'f32' || dtype === 'bf16') && shape.length === 2

function kernelAttributes({ transposeA, transposeB, alpha, precision }: MatmulAttributes) {
  return { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: { float: alpha }, precision }
}

/** Inputs: A, then every B. Outputs: every product. */
export const matmulManyOperator = defineOperator<MatmulAttributes>({
  name: 'matmulMany',
  summary: 'Products of one left operand: query, key and value, or gate and up',
  infer: ([a, ...bs], attributes) =>
    bs.map((b) => matmulOperator.infer([a as TensorType, b], attributes)[0] as TensorType),
  composite: ([a, ...bs], attributes) => bs.map((b) => applyOne(matmulOperator, [a as Tensor, b], attributes)),
  kernel: {
    operator: 'MatMulMany',
    supports: (inputs) => inputs.every(isMatrix),
    lower: (emitter, { inputs, outputTypes, attributes }) =>
      emitter.node('MatMulMany', inputs, kernelAttributes(attributes), { domain: 'r1', types: outputTypes }),
  },
})

export type MatmulSumAttributes = MatmulAttributes & { readonly terms: number }

/** Inputs: every A, every B, and (optional) a tensor that is added. */
export const matmulSumOperator = defineOperator<MatmulSumAttributes>({
  name: 'matmulSum',
  summary: 'Sum of products: the gradient of matmulMany by what its products share',
  infer(inputs, { terms, ...attributes }) {
    const products = Array.from({ length: terms }, (_, term) => {
      const operands = [inputs[term], inputs[terms + term]] as readonly [TensorType, TensorType]
      return matmulOperator.infer(operands, attributes)[0] as TensorType
    })
    const first = products[0] as TensorType
    const added = inputs[2 * terms]
    const summands = added ? [...products, added] : products
    if (!summands.every(({ dtype, shape }) => dtype === first.dtype && sameShape(shape, first.shape))) {
      throw shapeViolation(`all that is summed must be ${formatType(first)}`)
    }
    return [first]
  },
  composite(inputs, { terms, ...attributes }) {
    const products = Array.from({ length: terms }, (_, term) =>
      applyOne(matmulOperator, [inputs[term] as Tensor, inputs[terms + term] as Tensor], attributes),
    )
    return [[...products, ...inputs.slice(2 * terms)].reduce(add)]
  },
  kernel: {
    operator: 'MatMulSum',
    supports: (inputs) => inputs.every(isMatrix),
    lower: (emitter, { inputs, outputTypes, attributes }) =>
      emitter.node(
        'MatMulSum',
        [inputs[2 * attributes.terms] ?? '', ...inputs.slice(0, 2 * attributes.terms)],
        kernelAttributes(attributes),
        { domain: 'r1', types: outputTypes },
      ),
  },
})
