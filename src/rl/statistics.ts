import { deviationOf } from './advantages/group.ts'
import { hasNoVariance, judgedOf, type RolloutGroup } from './rollout-group.ts'

/** The mean of numbers, or the share of what is true; 0 of nothing. */
export const meanOf = (values: readonly (number | boolean)[]): number =>
  values.length > 0 ? values.reduce<number>((sum, value) => sum + Number(value), 0) / values.length : 0

/** Numbers that tell how a policy does. */
export interface GroupStatistics {
  /** Mean reward, and its deviation over all completions. */
  readonly reward: number
  readonly rewardDeviation: number
  /** Means of the reward's parts, by name. */
  readonly parts: Readonly<Record<string, number>>
  /** Share of right completions. */
  readonly solved: number
  /** Share of questions with at least one right completion among k, the size of a group. */
  readonly passAtK: number
  /** Share of groups whose rewards are all equal. */
  readonly zeroVariance: number
  /** Mean of −ln p over all tokens drawn: an unbiased estimate of the policy's entropy, in nats a token. */
  readonly entropy: number
  /** Mean tokens of a completion. */
  readonly length: number
  /** Share of completions that were cut off. */
  readonly truncated: number
  /** Completions whose reward failed. */
  readonly failures: number
  readonly groups: number
  readonly completions: number
  readonly tokens: number
}

/** Sums up groups of completions. */
export function statisticsOf(groups: readonly RolloutGroup[]): GroupStatistics {
  const rollouts = groups.flatMap((group) => group.rollouts)
  const judged = groups.flatMap(judgedOf)
  const rewards = judged.map(({ reward }) => reward)
  const names = [...new Set(judged.flatMap(({ parts }) => Object.keys(parts)))]
  const tokens = rollouts.reduce((sum, { ids }) => sum + ids.length, 0)
  const logProbability = rollouts.reduce(
    (sum, { logProbabilities }) => logProbabilities.reduce((inner, value) => inner + value, sum),
    0,
  )
  // A group without a single reward is neither solved nor unsolved.
  const scored = groups.filter((group) => judgedOf(group).length > 0)
  return {
    reward: meanOf(rewards),
    rewardDeviation: rewards.length > 0 ? deviationOf(rewards) : 0,
    parts: Object.fromEntries(names.map((name) => [name, meanOf(judged.map(({ parts }) => parts[name] ?? 0))])),
    solved: meanOf(judged.map(({ solved }) => solved)),
    passAtK: meanOf(scored.map((group) => judgedOf(group).some(({ solved }) => solved))),
    zeroVariance: meanOf(scored.map(hasNoVariance)),
    entropy: tokens > 0 ? -logProbability / tokens : 0,
    length: rollouts.length > 0 ? tokens / rollouts.length : 0,
    truncated: meanOf(rollouts.map(({ truncated }) => truncated)),
    failures: rollouts.length - judged.length,
    groups: groups.length,
    completions: rollouts.length,
    tokens,
  }
}
