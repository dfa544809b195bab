import {
  add,
  broadcastTo,
  cast,
  type Dimension,
  divide,
  equal,
  gatherElements,
  iota,
  matmul,
  max,
  multiply,
  normal,
  reshape,
  sigmoid,
  softmax,
  sum,
  type Tensor,
  topK,
  where,
  zeros,
} from '../../tensor/index.ts'
import type { Scope } from '../scope.ts'
import { sumChosen } from './sum-chosen.ts'

/*
 * Which experts a token goes to (Shazeer et al. 2017, arXiv:1701.06538). T tokens, E experts, k chosen ones, G groups.
 */

/** The experts of each token. */
export interface Routing {
  /** i64 `[T, k]` */
  readonly experts: Tensor
  /** `[T, k]`: factor of each expert's output */
  readonly weights: Tensor
}

export interface RoutingOptions {
  /** Number of experts, E. */
  readonly experts: number
  /** Experts a token goes to, k. */
  readonly chosen: number
  /** Whether the weights of a token's experts are divided by their sum. */
  readonly normalised?: boolean
  /** Factor of all weights. */
  readonly scale?: number
  /** Only experts of the best groups are chosen. */
  readonly groups?: GroupLimit | undefined
}

export interface GroupLimit {
  /** Groups of neighbouring experts, G. */
  readonly count: number
  /** Groups a token may use. */
  readonly chosen: number
}

/** Affinities `[T, E]` before softmax or sigmoid. */
function affinities(scope: Scope, x: Tensor, experts: number): Tensor {
  const weight = scope.parameter('weight', [experts, Number(x.shape.at(-1))], normal(0.02))
  return matmul(x, weight, { transposeB: true })
}

/** True `[T, E]` for the experts of each token's best groups. */
function inBestGroups(groupScores: Tensor, { count, chosen }: GroupLimit, experts: number): Tensor {
  const tokens = groupScores.shape[0] as Dimension
  const best = topK(groupScores, chosen).indices
  const hits = equal(reshape(best, [tokens, chosen, 1]), reshape(iota(count), [1, 1, count]))
  const groups = sum(cast(hits, 'i64'), { axes: [1] })
  const wide = broadcastTo(reshape(groups, [tokens, count, 1]), [tokens, count, experts / count])
  return equal(reshape(wide, [tokens, experts]), 1)
}

function finish(scores: Tensor, experts: Tensor, { normalised, scale = 1 }: RoutingOptions): Routing {
  const picked = gatherElements(scores, experts)
  const weights = normalised ? divide(picked, add(sumChosen(picked), 1e-20)) : picked
  return { experts, weights: scale === 1 ? weights : multiply(weights, scale) }
}

/** Scores by group: `[T, E]` → `[T, G, E / G]`. */
const byGroup = (scores: Tensor, { count }: GroupLimit, experts: number): Tensor =>
  reshape(scores, [scores.shape[0] as Dimension, count, experts / count])

/**
 * The experts with the largest softmax; of the best groups only, judged by their best expert, where there are groups
 * (DeepSeek-V2, arXiv:2405.04434, section 2.2.2).
 *
 * @param scope holds `weight` `[E, D]`
 * @param x `[T, D]`
 */
export function softmaxRouting(scope: Scope, x: Tensor, options: RoutingOptions): Routing {
  const { experts, chosen, groups } = options
  const scores = softmax(affinities(scope, x, experts))
  if (!groups) return finish(scores, topK(scores, chosen).indices, options)
  const allowed = inBestGroups(max(byGroup(scores, groups, experts), { axes: [2] }), groups, experts)
  const limited = where(allowed, scores, 0)
  return finish(limited, topK(limited, chosen).indices, options)
}

/**
 * The experts with the largest sigmoid plus a bias, which balances their load without a loss of its own (DeepSeek-V3,
 * arXiv:2412.19437, section 2.1.2). The bias chooses; the weights do without it. Groups are judged by their two best experts.
 *
 * @param scope holds `weight` `[E, D]` and `e_score_correction_bias` `[E]`
 * @param x `[T, D]`
 */
export function biasedSigmoidRouting(scope: Scope, x: Tensor, options: RoutingOptions): Routing {
  const { experts, chosen, groups } = options
  const scores = sigmoid(affinities(scope, x, experts))
  const biased = add(scores, scope.buffer('e_score_correction_bias', [experts], zeros))
  if (!groups || groups.count === groups.chosen) return finish(scores, topK(biased, chosen).indices, options)
  const best = topK(byGroup(biased, groups, experts), 2).values
  const allowed = inBestGroups(sum(best, { axes: [2] }), groups, experts)
  return finish(scores, topK(where(allowed, biased, -1e9), chosen).indices, options)
}
