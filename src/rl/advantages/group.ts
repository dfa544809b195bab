/** What a group of completions of one prompt is worth, one against the others. */
export type GroupAdvantage = (rewards: readonly number[]) => number[]

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Standard deviation of a whole population. */
export function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values)
  return Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)))
}

/** Rewards this close to each other are equal: what divides them would be rounding. */
const leastDeviation = 1e-6

/** Advantages from the rewards of one group, by name. */
export const groupAdvantages = {
  /** (r − mean) / std (arXiv:2402.03300, equation 3); 0 where all rewards are equal. */
  grpo(rewards) {
    const [mean, deviation] = [meanOf(rewards), deviationOf(rewards)]
    return rewards.map((reward) => (deviation < leastDeviation ? 0 : (reward - mean) / deviation))
  },
  /** r − mean (arXiv:2503.20783): groups that are nearly solved or hardly ever do not weigh more. */
  'dr-grpo'(rewards) {
    const mean = meanOf(rewards)
    return rewards.map((reward) => reward - mean)
  },
  /** r − mean of the others (arXiv:2402.14740): a baseline that does not depend on the completion it judges. */
  rloo(rewards) {
    if (rewards.length < 2) return rewards.map(() => 0)
    const sum = rewards.reduce((total, reward) => total + reward, 0)
    return rewards.map((reward) => reward - (sum - reward) / (rewards.length - 1))
  },
} as const satisfies Record<string, GroupAdvantage>

export type GroupAdvantageName = keyof typeof groupAdvantages

export const groupAdvantageNames = Object.keys(groupAdvantages) as readonly GroupAdvantageName[]
