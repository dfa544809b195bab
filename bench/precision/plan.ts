import { type TrainConfiguration, trainConfigurations } from '../../src/cli/bench/train-configurations.ts'

/** What all sides of a comparison share. */
export interface Plan {
  readonly steps: number
  /** How many steps at the end are averaged. */
  readonly last: number
  readonly threads: number
}

export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Of AdamW, beside what is the same everywhere: β₁ 0.9, ε 1e-8, gradients clipped to the norm 1. */
export const optimizer = { beta2: 0.999, weightDecay: 0.01 }

/** Linear warm-up over the first tenth, then constant. */
export const rateAt = (step: number, steps: number): number => 1e-3 * Math.min(1, step / (steps / 10))

export function configurationOf(name: string): TrainConfiguration {
  const found = trainConfigurations.find((configuration) => configuration.name === name)
  if (!found) throw new Error(`There is no configuration '${name}'.`)
  return found
}
