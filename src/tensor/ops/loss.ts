import type { Dimension } from '../dimension.ts'
import { requireRank, shapeViolation } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, defineOperator, type Operator } from '../operator.ts'
import { formatShape, type TensorType } from '../shape.ts'
import { fill } from './constant.ts'
import { add, log, maximum, multiply, negate, subtract } from './elementwise.ts'
import { gather, gatherElements, scatterAddRows } from './indexing.ts'
import { matmul, type ProductPrecision, productType } from './matmul.ts'
import { logSumExp, sum } from './reduction.ts'
import { reshape } from './shape.ts'
import { softmax } from './softmax.ts'

/*
 * The head of a language model and its loss as one operator, so that no T×V matrix needs to be kept.
 * T tokens, D features, V vocabulary. logits = hidden · weightᵀ / temperature, p = softmax(logits).
 */

type HeadAttributes = { readonly temperature: number; readonly precision: ProductPrecision }

function requireHead([hidden, weight, targets]: readonly (TensorType | undefined)[]): Dimension {
  if (!hidden || !weight || !targets) throw shapeViolation('hidden, weight and targets are needed')
  requireRank(hidden, 2, 'hidden')
  requireRank(weight, 2, 'weight')
  if (hidden.shape[1] !== weight.shape[1]) {
    throw shapeViolation(
      `hidden ${formatShape(hidden.shape)} and weight ${formatShape(weight.shape)} differ in features`,
    )
  }
  if (targets.dtype !== 'i64' || targets.shape.join() !== String(hidden.shape[0])) {
    throw shapeViolation(`targets must be i64[${hidden.shape[0]}], not ${targets.dtype}${formatShape(targets.shape)}`)
  }
  return hidden.shape[0] as Dimension
}

/** log p of the targets can not be −∞: this is the smallest p that f32 holds. */
const tiny = 1e-37

export const linearCrossEntropyOperator: Operator<HeadAttributes> = defineOperator<HeadAttributes>({
  name: 'linearCrossEntropy',
  summary: 'Head and cross-entropy in one: −log p of each target, log-sum-exp and entropy',
  infer(inputs, { precision }) {
    const type: TensorType = {
      dtype: productType(inputs.slice(0, 2), precision) ?? inputs[0]?.dtype ?? 'f32',
      shape: [requireHead(inputs)],
    }
    return [type, type, type]
  },
  gradient({ inputs, outputs, outputGradients: [dLoss, dLogSumExp, dEntropy], attributes, needs }) {
    if (dLogSumExp) throw shapeViolation('the log-sum-exp of linearCrossEntropy has no gradient')
    const [hidden, weight, targets] = inputs as readonly [Tensor, Tensor, Tensor]
    const dLosses = dLoss ?? fill((outputs[0] as Tensor).shape, 0, hidden.dtype)
    const rest = dEntropy ? [dEntropy] : []
    const found = apply(linearCrossEntropyGradientOperator, [dLosses, hidden, weight, targets, ...rest], attributes)
    return [needs[0] ? found[0] : undefined, needs[1] ? found[1] : undefined]
  },
  composite([hidden, weight, targets], { temperature }) {
    if (!hidden || !weight || !targets) return []
    const logits = matmul(hidden, weight, { transposeB: true, alpha: 1 / temperature })
    const p = softmax(logits)
    const picked = reshape(gatherElements(p, reshape(targets, [-1, 1])), targets.shape)
    const normalizer = logSumExp(logits, { axes: [1] })
    const entropy = subtract(normalizer, sum(multiply(p, logits), { axes: [1] }))
    return [negate(log(maximum(picked, tiny))), normalizer, entropy]
  },
  kernel: {
    operator: 'LinearCrossEntropy',
    supports: (inputs, { precision }) => productType(inputs.slice(0, 2), precision) === 'f32',
    lower: (emitter, { inputs, attributes: { temperature, precision }, outputTypes, used }) =>
      emitter.node(
        'LinearCrossEntropy',
        inputs,
        { temperature: { float: temperature }, precision },
        {
          domain: 'r1',
          types: outputTypes,
          outputs: [true, ...used.slice(1)],
        },
      ),
  },
})

/** Inputs: dLoss `[T]`, hidden `[T, D]`, weight `[V, D]`, targets `[T]`, dEntropy `[T]` (optional). */
export const linearCrossEntropyGradientOperator: Operator<HeadAttributes> = defineOperator<HeadAttributes>({
  name: 'linearCrossEntropyGradient',
  summary: 'Gradients of linearCrossEntropy by hidden and weight; also what linearCrossEntropy gives',
  infer([, hidden, weight, targets], attributes) {
    const statistics = linearCrossEntropyOperator.infer([hidden, weight, targets] as TensorType[], attributes)
    const [{ dtype }] = statistics as readonly [TensorType]
    return [{ ...(hidden as TensorType), dtype }, weight as TensorType, ...statistics]
  },
  composite([dLoss, hidden, weight, targets, dEntropy], { temperature }) {
    if (!dLoss || !hidden || !weight || !targets) return []
    const forward = apply(linearCrossEntropyOperator, [hidden, weight, targets], { temperature, precision: 'f32' })
    const logits = matmul(hidden, weight, { transposeB: true, alpha: 1 / temperature })
    const p = softmax(logits)
    const column = (tensor: Tensor) => reshape(tensor, [-1, 1])
    const scale = multiply(column(dLoss), 1 / temperature)
    if (!dEntropy) {
      // dLogits = dLoss · (p − onehot): the one-hot part is done on rows of D numbers, never on V.
      const scaled = multiply(hidden, scale)
      const dHidden = multiply(subtract(matmul(p, weight), gather(weight, targets)), scale)
      const dWeight = scatterAddRows(matmul(p, scaled, { transposeA: true }), targets, negate(scaled))
      return [dHidden, dWeight, ...forward]
    }
    const mean = sum(multiply(p, logits), { axes: [1], keepDimensions: true })
    const ofEntropy = multiply(multiply(p, subtract(mean, logits)), multiply(column(dEntropy), 1 / temperature))
    const dLogits = add(multiply(p, scale), ofEntropy)
    const scaled = multiply(hidden, scale)
    const dHidden = subtract(matmul(dLogits, weight), multiply(gather(weight, targets), scale))
    const dWeight = scatterAddRows(matmul(dLogits, hidden, { transposeA: true }), targets, negate(scaled))
    return [dHidden, dWeight, ...forward]
  },
  kernel: {
    operator: 'LinearCrossEntropyGradient',
    supports: (inputs, { precision }) => productType(inputs.slice(1, 3), precision) === 'f32',
    lower(emitter, { inputs, attributes: { temperature, precision }, outputTypes, used }) {
      const [dLoss, hidden, weight, targets, dEntropy = ''] = inputs as readonly string[] & { length: 4 }
      return emitter.node(
        'LinearCrossEntropyGradient',
        [dLoss, hidden, weight, targets, '', dEntropy] as readonly string[],
        { temperature: { float: temperature }, precision },
        { domain: 'r1', types: outputTypes, outputs: [true, ...used.slice(1)] },
      )
    },
  },
})

/** What the head of a language model says of given tokens. */
export interface TokenLosses {
  /** −ln p of each target, `[T]`, nats */
  readonly loss: Tensor
  /** Entropy of each distribution, `[T]`, nats */
  readonly entropy: Tensor
}

/**
 * Cross-entropy of the targets under `softmax(hidden · weightᵀ / temperature)`, without keeping the logits.
 *
 * @param hidden `[T, D]`
 * @param weight `[V, D]`, the head, often tied to the embedding
 * @param targets i64 `[T]`, each in 0 … V − 1
 */
export function linearCrossEntropy(
  hidden: Tensor,
  weight: Tensor,
  targets: Tensor,
  options: { temperature?: number } = {},
): TokenLosses {
  const { temperature = 1 } = options
  const [loss, , entropy] = apply(linearCrossEntropyOperator, [hidden, weight, targets], {
    temperature,
    precision: 'f32',
  })
  return { loss: loss as Tensor, entropy: entropy as Tensor }
}
