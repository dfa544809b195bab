import {
  add,
  and,
  clamp,
  exp,
  greater,
  less,
  maximum,
  minimum,
  multiply,
  negate,
  or,
  stopGradient,
  subtract,
  type Tensor,
} from '../../tensor/index.ts'

/** How far a ratio of probabilities may be from 1. */
export interface Clip {
  readonly low: number
  readonly high: number
}

/** What a policy loss sees; tensors are `[B, S]`. */
export interface PolicyInputs {
  /** ln π of the tokens, which is differentiated. */
  readonly logProbability: Tensor
  /** ln π_old: the same when the completions were drawn. */
  readonly old: Tensor
  readonly advantage: Tensor
  readonly clip: Clip
  /** Mean over the tokens of each completion, at each of its tokens. */
  completionMean(values: Tensor): Tensor
}

export interface PolicyLoss {
  /** Clip where none is given. */
  readonly clip: Clip
  /** The loss of each token, and whether the clip holds it: a bool. */
  tokens(inputs: PolicyInputs): { readonly loss: Tensor; readonly clipped: Tensor }
}

/** Advantage that pushes a ratio further out than the clip allows. */
function isHeld(ratio: Tensor, advantage: Tensor, { low, high }: Clip): Tensor {
  return or(and(greater(advantage, 0), greater(ratio, 1 + high)), and(less(advantage, 0), less(ratio, 1 - low)))
}

/** −min(ρA, clip(ρ, 1 − low, 1 + high)·A). */
function pessimistic(ratio: Tensor, { advantage, clip }: PolicyInputs) {
  const clipped = clamp(ratio, 1 - clip.low, 1 + clip.high)
  return {
    loss: negate(minimum(multiply(ratio, advantage), multiply(clipped, advantage))),
    clipped: isHeld(ratio, advantage, clip),
  }
}

const ratioOf = ({ logProbability, old }: PolicyInputs): Tensor => exp(subtract(logProbability, old))

/** Policy losses by name. */
export const policyLosses = {
  /** The clipped surrogate (arXiv:1707.06347, equation 7). */
  ppo: { clip: { low: 0.2, high: 0.2 }, tokens: (inputs) => pessimistic(ratioOf(inputs), inputs) },
  /** The same with more room upwards, so that rare tokens can grow (DAPO's clip-higher, arXiv:2503.14476). */
  dapo: { clip: { low: 0.2, high: 0.28 }, tokens: (inputs) => pessimistic(ratioOf(inputs), inputs) },
  /** One ratio a completion, the geometric mean of its tokens' (arXiv:2507.18071, equation 7). */
  gspo: {
    clip: { low: 3e-4, high: 4e-4 },
    tokens(inputs) {
      const ratio = exp(inputs.completionMean(subtract(inputs.logProbability, inputs.old)))
      return pessimistic(ratio, inputs)
    },
  },
  /**
   * −stopgrad(clip(ρ))·A·ln π (arXiv:2506.13585, equation 4): clipped tokens keep their gradient. The ratio has no lower
   * bound and is at most 5.
   */
  cispo: {
    clip: { low: 1, high: 4 },
    tokens(inputs) {
      const { advantage, logProbability, clip } = inputs
      const ratio = stopGradient(ratioOf(inputs))
      const weight = minimum(maximum(ratio, 1 - clip.low), 1 + clip.high)
      return {
        loss: negate(multiply(multiply(weight, advantage), logProbability)),
        clipped: or(greater(ratio, 1 + clip.high), less(ratio, 1 - clip.low)),
      }
    },
  },
} as const satisfies Record<string, PolicyLoss>

export type PolicyLossName = keyof typeof policyLosses

export const policyLossNames = Object.keys(policyLosses) as readonly PolicyLossName[]

/**
 * ½·max((V − R)², (clip(V, V_old ± clip) − R)²) (the value loss of arXiv:1707.06347's implementation).
 *
 * @param value V, `[B, S]`, which is differentiated
 */
export function clippedValueLoss(value: Tensor, old: Tensor, returns: Tensor, clip: number): Tensor {
  const near = add(old, clamp(subtract(value, old), -clip, clip))
  const squared = (tensor: Tensor) => {
    const gap = subtract(tensor, returns)
    return multiply(gap, gap)
  }
  return multiply(maximum(squared(value), squared(near)), 0.5)
}
