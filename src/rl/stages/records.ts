import type { MetricsLine } from '../../train/metrics-file.ts'
import type { Measurement } from '../measure.ts'
import type { PolicyReport } from '../policy-trainer.ts'

const perSecond = (count: number, milliseconds: number): number =>
  milliseconds > 0 ? (1000 * count) / milliseconds : 0

/** Measurements as metrics, `heldOut.` before their names. */
export function measurementOf(shares: Measurement): Record<string, number> {
  return Object.fromEntries(Object.entries(shares).map(([name, value]) => [`heldOut.${name}`, value]))
}

/** A step as a line of `metrics.jsonl`. */
export function lineOf(report: PolicyReport): MetricsLine {
  const { step, steps, rate, loss, norm, updates, metrics, stopped, statistics } = report
  const { rolloutMilliseconds, trainMilliseconds, trainedTokens } = report
  const { parts, tokens, ...numbers } = statistics
  return {
    ...{ step, steps, rate, loss, norm, updates, ...numbers, ...metrics },
    ...Object.fromEntries(Object.entries(parts).map(([name, value]) => [`reward.${name}`, value])),
    tokens: tokens + trainedTokens,
    milliseconds: rolloutMilliseconds + trainMilliseconds,
    rolloutTokensPerSecond: perSecond(tokens, rolloutMilliseconds),
    trainTokensPerSecond: perSecond(trainedTokens, trainMilliseconds),
    ...(stopped !== undefined && { stopped }),
  }
}

/** Groups whose completions are shown. */
const shownGroups = 2

/** Some completions of a step as lines of `samples.jsonl`: of each shown group the best and the worst. */
export function samplesOf({ step, groups }: PolicyReport): MetricsLine[] {
  return groups.slice(0, shownGroups).flatMap(({ question, rollouts }) => {
    const rewardOf = ({ judgement }: (typeof rollouts)[number]) =>
      'failure' in judgement ? Number.NEGATIVE_INFINITY : judgement.reward
    const sorted = [...rollouts].sort((left, right) => rewardOf(right) - rewardOf(left))
    const shown = new Set([sorted[0], sorted.at(-1)])
    return [...shown]
      .filter((rollout) => rollout !== undefined)
      .map((rollout): MetricsLine => {
        const { text, ids, truncated, judgement } = rollout
        const line = { step, prompt: question.text, completion: text, tokens: ids.length, truncated }
        return 'failure' in judgement
          ? { ...line, failure: judgement.failure }
          : { ...line, reward: judgement.reward, solved: judgement.solved }
      })
  })
}
