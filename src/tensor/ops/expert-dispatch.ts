import { type Dimension, multiplyDimensions } from '../dimension.ts'
import { attributeViolation, dtypeViolation, requireRank } from '../error.ts'
import type { Tensor } from '../graph.ts'
import { apply, defineOperator } from '../operator.ts'
import { fill, zerosLike } from './constant.ts'
import { cumulativeSum } from './cumulative.ts'
import { add } from './elementwise.ts'
import { iota, scatterAddElements } from './indexing.ts'
import { scatterElements } from './scatter.ts'
import { concat, reshape } from './shape.ts'
import { sort } from './sort.ts'

type DispatchAttributes = { readonly count: number }

/** Input: experts i64 `[T, k]`. */
const expertDispatchOperator = defineOperator<DispatchAttributes>({
  name: 'expertDispatch',
  summary: 'The choices of a mixture of experts sorted by expert',
  constant: true,
  infer([experts], { count }) {
    if (experts?.dtype !== 'i64') throw dtypeViolation('experts must be i64')
    requireRank(experts, 2, 'experts')
    if (!Number.isInteger(count) || count < 1) throw attributeViolation(`${count} is no number of experts`)
    const [tokens, chosen] = experts.shape as readonly [Dimension, Dimension]
    return [
      { dtype: 'i64', shape: [multiplyDimensions(tokens, chosen)] },
      { dtype: 'i64', shape: experts.shape },
      { dtype: 'i64', shape: [count + 1] },
    ]
  },
  composite([experts], { count }) {
    if (!experts) return []
    const flat = reshape(experts, [-1])
    const order = sort(flat).indices
    const load = scatterAddElements(fill([count], 0, 'i64'), flat, add(zerosLike(flat), 1))
    const ranks = scatterElements(zerosLike(order), order, iota(order.shape[0] as Dimension))
    return [order, reshape(ranks, experts.shape), concat([fill([1], 0, 'i64'), cumulativeSum(load)], 0)]
  },
  kernel: {
    operator: 'ExpertDispatch',
    lower: (emitter, { inputs, outputTypes, attributes: { count } }) =>
      emitter.node('ExpertDispatch', inputs, { experts: count }, { domain: 'r1', types: outputTypes, outputs: 3 }),
  },
})

/** Where the rows of a mixture of experts come from, where they go to, and which expert they belong to. */
export interface ExpertOrder {
  /** i64 `[T · k]`: the choice of each row; row i serves token order[i] / k. */
  readonly order: Tensor
  /** i64 `[T, k]`: the row of each choice. */
  readonly places: Tensor
  /** i64 `[E + 1]`: expert e owns rows offsets[e] … offsets[e + 1] − 1. */
  readonly offsets: Tensor
}

/**
 * Sorts the choices of all tokens by expert, those of one expert in the order of the tokens.
 *
 * @param experts i64 `[T, k]`, 0 … count − 1
 * @param count number of experts, E
 */
export function expertDispatch(experts: Tensor, count: number): ExpertOrder {
  const [order, places, offsets] = apply(expertDispatchOperator, [experts], { count }) as readonly [
    Tensor,
    Tensor,
    Tensor,
  ]
  return { order, places, offsets }
}
