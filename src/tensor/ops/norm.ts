import type { Dimension } from '../dimension.ts'
import { shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, defineOperator, type Target } from '../operator.ts'
import { formatShape, type TensorType } from '../shape.ts'
import { dimensionValue, fill } from './constant.ts'
import { add, divide, multiply, reciprocal, sqrt, square, subtract } from './elementwise.ts'
import { matmul } from './matmul.ts'
import { mean, sum } from './reduction.ts'
import { reshape } from './shape.ts'
import { inStorage, type Stored } from './stored.ts'

/*
 * Root mean square norm (Zhang & Sennrich 2019, arXiv:1910.07467) and layer norm (Ba et al. 2016, arXiv:1607.06450)
 * over the last axis. D features, T rows: the product of all leading axes.
 */

type EpsilonAttributes = { readonly epsilon: number }
type RmsNormAttributes = EpsilonAttributes & { readonly stored?: Stored }

function requireWeight(x: TensorType | undefined, weight: TensorType | undefined): TensorType {
  if (!x || !weight || x.dtype !== weight.dtype || weight.shape.length !== 1 || weight.shape[0] !== x.shape.at(-1)) {
    throw shapeViolation(`the weight must be ${x?.dtype}[${x?.shape.at(-1)}], not ${formatShape(weight?.shape ?? [])}`)
  }
  return x
}

const rowStatistic = (x: TensorType): TensorType => ({ dtype: x.dtype, shape: x.shape.with(-1, 1) })
/** On WebGPU the stock norms leave their second output, which the gradients need, unwritten. */
const stockFits = (x: TensorType | undefined, target: Target): boolean => x?.dtype === 'f32' && target.device === 'cpu'
const isFloat32 = ([x]: readonly TensorType[]): boolean => x?.dtype === 'f32'

/** Sum over rows of a `[…, D]` tensor, as a product with a row of ones: faster than a reduction over the first axis. */
function sumRows(x: Tensor): Tensor {
  const width = x.shape.at(-1) as Dimension
  const rows = reshape(x, [-1, width])
  return reshape(matmul(fill([1, rows.shape[0] as Dimension], 1, x.dtype), rows), [width])
}

export const rmsNormOperator = defineOperator<RmsNormAttributes>({
  name: 'rmsNorm',
  summary: 'x / √(mean(x²) + ε) · weight over the last axis; also the inverse root',
  infer([x, weight], { stored }) {
    const type = requireWeight(x, weight)
    return [{ ...type, dtype: stored ?? type.dtype }, rowStatistic(type)]
  },
  gradient({ inputs, outputs, outputGradients: [dy, dInverse] }) {
    const [x, weight] = inputs as readonly [Tensor, Tensor]
    if (dInverse) return undefined
    return dy ? apply(rmsNormGradientOperator, [dy, x, weight, outputs[1] as Tensor], {}) : []
  },
  supports: ([x], _, target) => stockFits(x, target),
  lower: (emitter, { inputs, attributes: { epsilon } }) =>
    emitter.node(
      'SimplifiedLayerNormalization',
      inputs,
      { axis: -1, epsilon: { float: epsilon }, stash_type: 1 },
      {
        outputs: 2,
      },
    ),
  composite([x, weight], { epsilon, stored }) {
    if (!x || !weight) return []
    const inverse = reciprocal(sqrt(add(mean(square(x), { axes: [-1], keepDimensions: true }), epsilon)))
    return [inStorage(multiply(multiply(x, inverse), weight), stored), inverse]
  },
  kernel: {
    operator: 'RmsNorm',
    supports: isFloat32,
    lower: (emitter, { inputs, attributes: { epsilon, stored }, outputTypes, used }) =>
      emitter.node(
        stored ? 'RmsNormBf16' : 'RmsNorm',
        inputs,
        { epsilon: { float: epsilon } },
        { domain: 'r1', types: outputTypes, outputs: [true, ...used.slice(1)] },
      ),
  },
})

/** Inputs: dy, x, weight, inverse root, and (optional) a tensor of x's shape that is added to the gradient by x. */
export const rmsNormGradientOperator = defineOperator({
  name: 'rmsNormGradient',
  summary: 'Gradients of rmsNorm by x and weight',
  infer: ([, x, weight]) => [x as TensorType, weight as TensorType],
  composite([dy, x, weight, inverse, added]) {
    if (!dy || !x || !weight || !inverse) return []
    const width = x.shape.at(-1) as Dimension
    const normal = multiply(x, inverse)
    const product = multiply(dy, normal)
    // The row sum of product · weight, as a product with a column: faster than a reduction.
    const column = matmul(reshape(product, [-1, width]), reshape(weight, [width, 1]))
    const projection = divide(column, dimensionValue(width, x.dtype))
    const dx = multiply(inverse, subtract(multiply(dy, weight), multiply(normal, reshape(projection, inverse.shape))))
    return [added ? add(dx, added) : dx, sumRows(product)]
  },
  kernel: {
    operator: 'RmsNormGradient',
    supports: isFloat32,
    lower: (emitter, { inputs, outputTypes, used }) =>
      emitter.node(
        'RmsNormGradient',
        inputs,
        {},
        { domain: 'r1', types: outputTypes, outputs: [true, ...used.slice(1)] },
      ),
  },
})

/**
 * Root mean square norm over the last axis (arXiv:1910.07467).
 *
 * @param x `[…, D]`
 * @param weight `[D]`
 */
export function rmsNorm(x: Tensor, weight: Tensor, epsilon = 1e-6): Tensor {
  return apply(rmsNormOperator, [x, weight], { epsilon })[0] as Tensor
}

const layerNormOperator = defineOperator<EpsilonAttributes>({
  name: 'layerNorm',
  summary: '(x − mean) / √(variance + ε) · weight + bias over the last axis; also mean and inverse root',
  infer([x, weight, bias]) {
    const type = requireWeight(x, weight)
    requireWeight(x, bias)
    return [type, rowStatistic(type), rowStatistic(type)]
  },
  gradient({ inputs, outputs, outputGradients: [dy, dCenter, dInverse] }) {
    const [x, weight] = inputs as readonly [Tensor, Tensor]
    if (dCenter || dInverse) return undefined
    return dy ? apply(layerNormGradientOperator, [dy, x, weight, outputs[1] as Tensor, outputs[2] as Tensor], {}) : []
  },
  supports: ([x], _, target) => stockFits(x, target),
  lower: (emitter, { inputs, attributes: { epsilon } }) =>
    emitter.node('LayerNormalization', inputs, { axis: -1, epsilon: { float: epsilon } }, { outputs: 3 }),
  composite([x, weight, bias], { epsilon }) {
    if (!x || !weight || !bias) return []
    const center = mean(x, { axes: [-1], keepDimensions: true })
    const shifted = subtract(x, center)
    const variance = mean(square(shifted), { axes: [-1], keepDimensions: true })
    const inverse = reciprocal(sqrt(add(variance, epsilon)))
    return [add(multiply(multiply(shifted, inverse), weight), bias), center, inverse]
  },
  kernel: {
    operator: 'LayerNorm',
    supports: isFloat32,
    lower: (emitter, { inputs, attributes: { epsilon }, outputTypes, used }) =>
      emitter.node(
        'LayerNorm',
        inputs,
        { epsilon: { float: epsilon } },
        {
          domain: 'r1',
          types: outputTypes,
          outputs: [true, ...used.slice(1)],
        },
      ),
  },
})

const layerNormGradientOperator = defineOperator({
  name: 'layerNormGradient',
  summary: 'Gradients of layerNorm by x, weight and bias',
  infer: ([, x, weight]) => [x as TensorType, weight as TensorType, weight as TensorType],
  composite([dy, x, weight, center, inverse]) {
    if (!dy || !x || !weight || !center || !inverse) return []
    const normal = multiply(subtract(x, center), inverse)
    const scaled = multiply(dy, weight)
    const width = x.shape.at(-1) as Dimension
    const rowMean = (tensor: Tensor) =>
      divide(sum(tensor, { axes: [-1], keepDimensions: true }), dimensionValue(width, x.dtype))
    const projected = add(rowMean(scaled), multiply(normal, rowMean(multiply(scaled, normal))))
    return [multiply(inverse, subtract(scaled, projected)), sumRows(multiply(dy, normal)), sumRows(dy)]
  },
  kernel: {
    operator: 'LayerNormGradient',
    supports: isFloat32,
    lower: (emitter, { inputs, outputTypes, used }) =>
      emitter.node(
        'LayerNormGradient',
        inputs,
        {},
        { domain: 'r1', types: outputTypes, outputs: [true, ...used.slice(1)] },
      ),
  },
})

/**
 * Layer norm over the last axis (arXiv:1607.06450).
 *
 * @param x `[…, D]`
 * @param weight `[D]`
 * @param bias `[D]`
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  return apply(layerNormOperator, [x, weight, bias], { epsilon })[0] as Tensor
}
