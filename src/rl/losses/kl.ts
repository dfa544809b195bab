import { exp, multiply, square, subtract, type Tensor } from '../../tensor/index.ts'

/**
 * How far the policy is from another at tokens that the policy drew, from the log-probabilities of these tokens alone
 * (J. Schulman, "Approximating KL divergence", 2020). All estimate KL(π‖π₀), in nats.
 */
export interface KlEstimator {
  readonly ofTensors: (policy: Tensor, other: Tensor) => Tensor
  readonly ofNumbers: (policy: number, other: number) => number
}

/** Estimators by name. */
export const klEstimators = {
  /** ln π − ln π₀: right on average, negative at times. */
  k1: {
    ofTensors: subtract,
    ofNumbers: (policy, other) => policy - other,
  },
  /** ½(ln π − ln π₀)²: never negative, a little off. */
  k2: {
    ofTensors: (policy, other) => multiply(square(subtract(policy, other)), 0.5),
    ofNumbers: (policy, other) => 0.5 * (policy - other) ** 2,
  },
  /** π₀/π − 1 − ln(π₀/π): right on average and never negative; GRPO's. */
  k3: {
    ofTensors: (policy, other) => {
      const logRatio = subtract(other, policy)
      return subtract(subtract(exp(logRatio), logRatio), 1)
    },
    ofNumbers: (policy, other) => Math.expm1(other - policy) - (other - policy),
  },
} as const satisfies Record<string, KlEstimator>

export type KlEstimatorName = keyof typeof klEstimators

export const klEstimatorNames = Object.keys(klEstimators) as readonly KlEstimatorName[]
