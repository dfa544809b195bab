import { isFloating } from '../dtype.ts'
import { attributeViolation, dtypeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { applyOne, defineOperator } from '../operator.ts'
import { formatShape, normalizeAxis, type TensorType } from '../shape.ts'
import { exp, multiply, subtract } from './elementwise.ts'
import { logSumExp, sum } from './reduction.ts'

type AxisAttributes = { readonly axis: number }

function alongAxis(x: TensorType | undefined, axis: number): readonly TensorType[] {
  if (!x || !isFloating(x.dtype)) throw dtypeViolation('a floating dtype is needed')
  if (normalizeAxis(axis, x.shape.length) === undefined) {
    throw attributeViolation(`axis ${axis} is not one of ${formatShape(x.shape)}`)
  }
  return [x]
}

const softmaxOperator = defineOperator<AxisAttributes>({
  name: 'softmax',
  summary: 'Exponentials that sum to one along an axis',
  infer: ([x], { axis }) => alongAxis(x, axis),
  gradient({ outputs: [p], outputGradients: [dy], attributes: { axis } }) {
    if (!dy || !p) return []
    return [multiply(p, subtract(dy, sum(multiply(dy, p), { axes: [axis], keepDimensions: true })))]
  },
  lower: (emitter, { inputs, attributes }) => emitter.node('Softmax', inputs, attributes),
})

/** `eˣ / Σeˣ` along `axis`. */
export function softmax(x: Tensor, axis = -1): Tensor {
  return applyOne(softmaxOperator, [x], { axis })
}

const logSoftmaxOperator = defineOperator<AxisAttributes>({
  name: 'logSoftmax',
  summary: 'Logarithm of softmax',
  infer: ([x], { axis }) => alongAxis(x, axis),
  gradient({ outputs: [y], outputGradients: [dy], attributes: { axis } }) {
    if (!dy || !y) return []
    return [subtract(dy, multiply(exp(y), sum(dy, { axes: [axis], keepDimensions: true })))]
  },
  supports: (_types, _attributes, target) => target.device === 'cpu',
  lower: (emitter, { inputs, attributes }) => emitter.node('LogSoftmax', inputs, attributes),
  composite: ([x], { axis }) => (x ? [subtract(x, logSumExp(x, { axes: [axis], keepDimensions: true }))] : []),
})

/** `x − log Σeˣ` along `axis`. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return applyOne(logSoftmaxOperator, [x], { axis })
}
