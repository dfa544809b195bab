import { tokenLogProbabilities } from '../nn/index.ts'
import {
  absolute,
  add,
  cast,
  equal,
  exp,
  matmul,
  minimum,
  multiply,
  normal,
  reshape,
  stopGradient,
  subtract,
  sum,
  type Tensor,
} from '../tensor/index.ts'
import type { Objective, Pass } from '../train/objective.ts'
import { completionMeans } from './losses/completion-means.ts'
import { type KlEstimatorName, klEstimators } from './losses/kl.ts'
import { type Clip, clippedValueLoss, type PolicyLossName, policyLosses } from './losses/policy.ts'

export interface PolicyObjectiveOptions {
  readonly loss: PolicyLossName
  /** How far a ratio may be from 1; what the loss was published with, without it. */
  readonly clip?: Clip | undefined
  /** Weight of the distance to the reference in the loss, and how it is estimated; none without it. */
  readonly kl?: { readonly weight: number; readonly estimator: KlEstimatorName } | undefined
  /** A value head beside the policy: its weight in the loss, and how far a value may move. */
  readonly value?: { readonly weight: number; readonly clip: number } | undefined
  /** Most that a token's loss is multiplied by where the trainer finds it likelier than the engine that drew it did. */
  readonly largestCorrection: number
}

/** Name of the value head's parameter; checkpoints of language models have no place for it. */
export const valueHeadName = 'value.weight'

/** The value head: what the model expects of a completion before each token is drawn, `[B, S]`. */
export function tokenValues({ scope, model, hidden, batch }: Pass): Tensor {
  const weight = scope.parameter(valueHeadName, [1, model.width], normal(0.01 / Math.sqrt(model.width)))
  return reshape(matmul(hidden, weight, { transposeB: true }), batch.ids.shape)
}

/**
 * The loss of a policy on completions that were drawn before, whatever the algorithm made of their rewards. Besides tokens
 * and weights a batch holds, each f32 `[B, S]`:
 * `advantages`; `rollout`: ln of the probability with which the engine drew a token; `counted`: 1 for the tokens that the
 * model wrote. `old` is the trainer's own ln π before the first update, left out where that update is the only one;
 * `reference`, `values` and `returns` are there where the options need them.
 *
 * Weights are those of the aggregation: their sum over a step is what the loss is divided by already.
 */
export function policyObjective(options: PolicyObjectiveOptions): Objective {
  const { kl, value, largestCorrection } = options
  const policy = policyLosses[options.loss]
  const clip = options.clip ?? policy.clip
  return {
    name: options.loss,
    sums(pass) {
      const { batch, head } = pass
      const { advantages, rollout, counted, weights } = batch as Readonly<Record<string, Tensor>> & typeof batch
      const { logProbability } = tokenLogProbabilities(head, batch.targets)
      const own = stopGradient(logProbability)
      const old = batch.old ?? own
      const { loss, clipped } = policy.tokens({
        ...{ logProbability, old, clip },
        advantage: advantages as Tensor,
        completionMean: completionMeans(batch.segments as Tensor, counted as Tensor),
      })
      const gap = multiply(subtract(old, rollout as Tensor), counted as Tensor)
      // Truncated importance sampling: what the engine drew too rarely counts more, up to a limit.
      const correction = minimum(exp(gap), largestCorrection)
      const count = (values: Tensor) => sum(multiply(values, counted as Tensor))
      let total = sum(multiply(multiply(loss, correction), weights))
      const metrics: Record<string, Tensor> = {
        clipped: count(cast(clipped, 'f32')),
        mismatch: sum(absolute(gap)),
        mismatchKl: count(klEstimators.k3.ofTensors(rollout as Tensor, old)),
        corrected: count(cast(equal(correction, largestCorrection), 'f32')),
      }
      if (kl) {
        const distance = klEstimators[kl.estimator].ofTensors(logProbability, batch.reference as Tensor)
        total = add(total, multiply(sum(multiply(distance, weights)), kl.weight))
        metrics.kl = count(stopGradient(distance))
      }
      if (value) {
        const lossOfValues = clippedValueLoss(
          tokenValues(pass),
          batch.values as Tensor,
          batch.returns as Tensor,
          value.clip,
        )
        total = add(total, multiply(sum(multiply(lossOfValues, weights)), value.weight))
        metrics.valueLoss = count(stopGradient(lossOfValues))
      }
      return { loss: total, metrics }
    },
  }
}
