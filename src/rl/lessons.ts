import { type GaeOptions, generalisedAdvantages, whiten } from './advantages/gae.ts'
import { type GroupAdvantageName, groupAdvantages } from './advantages/group.ts'
import type { Experience } from './experience.ts'
import { klEstimators } from './losses/kl.ts'
import type { Rollout, RolloutGroup } from './rollout-group.ts'
import type { ScoreColumns } from './scores.ts'

/** What rewards are made of besides what the environment says. */
export interface RewardOptions {
  readonly maxNewTokens: number
  /** Completions that were cut off are not learnt from (overlong filtering, arXiv:2503.14476). */
  readonly maskTruncated: boolean
  /** Over the last so many tokens of the length the reward falls by up to 1 (soft overlong punishment); 0 is none. */
  readonly overlongBuffer: number
}

/** A completion that is learnt from, and what it earned. */
export interface Lesson {
  readonly rollout: Rollout
  readonly prompt: Int32Array
  readonly reward: number
  /** Its advantage against the others of its group; 0 where that is not asked for. */
  readonly advantage: number
}

/** Soft overlong punishment (arXiv:2503.14476, equation 13): from 0 to −1. */
export function overlongPunishment(length: number, longest: number, buffer: number): number {
  if (buffer <= 0) return 0
  return Math.min(0, Math.max(-1, (longest - buffer - length) / buffer))
}

/** The lessons of groups: completions whose reward failed or that are masked are left out, before any comparison. */
export function lessonsOf(
  groups: readonly RolloutGroup[],
  { maxNewTokens, maskTruncated, overlongBuffer }: RewardOptions,
  compare?: GroupAdvantageName,
): Lesson[] {
  return groups.flatMap(({ question, rollouts }) => {
    const counted = rollouts.flatMap((rollout) => {
      const { judgement, ids, truncated } = rollout
      if ('failure' in judgement || ids.length === 0 || (maskTruncated && truncated)) return []
      return [{ rollout, reward: judgement.reward + overlongPunishment(ids.length, maxNewTokens, overlongBuffer) }]
    })
    const advantages =
      compare && counted.length > 0 ? groupAdvantages[compare](counted.map(({ reward }) => reward)) : []
    return counted.map((lesson, index) => ({ ...lesson, prompt: question.prompt, advantage: advantages[index] ?? 0 }))
  })
}

/** Lessons as experiences without columns: what is scored. */
export function bareExperiences(lessons: readonly Lesson[]): Experience[] {
  return lessons.map(({ prompt, rollout }) => ({ prompt, completion: rollout.ids, columns: {} }))
}

/** Columns of lessons whose every token has the advantage of its completion. */
export function groupColumns(lessons: readonly Lesson[]): Record<string, ArrayLike<number>>[] {
  return lessons.map(({ advantage, rollout }) => ({
    advantages: new Float32Array(rollout.ids.length).fill(advantage),
    rollout: rollout.logProbabilities,
  }))
}

/** How PPO's token rewards and advantages are made. */
export interface GaeLessonOptions extends GaeOptions {
  /** Each token costs so much times ln π − ln π₀. */
  readonly klWeight: number
}

/**
 * Columns of lessons by generalised advantage estimation: each token's reward is −k·KL, and the last one's the score beside.
 *
 * @returns the columns, and the mean KL a token (k1)
 */
export function gaeColumns(
  lessons: readonly Lesson[],
  scores: ScoreColumns,
  { klWeight, ...options }: GaeLessonOptions,
): { readonly columns: Record<string, ArrayLike<number>>[]; readonly kl: number } {
  let [distance, tokens] = [0, 0]
  const estimates = lessons.map(({ rollout, reward }, index) => {
    const values = scores.values?.[index] as Float32Array
    const rewards = Float64Array.from(rollout.ids, (_, at) => {
      const [own, other] = [scores.old?.[index]?.[at], scores.reference?.[index]?.[at]]
      if (own === undefined || other === undefined) return 0
      const kl = klEstimators.k1.ofNumbers(own, other)
      distance += kl
      tokens++
      return -klWeight * kl
    })
    rewards[rewards.length - 1] = (rewards.at(-1) as number) + reward
    return { values, ...generalisedAdvantages(rewards, values, options) }
  })
  whiten(estimates.map(({ advantages }) => advantages))
  const columns = estimates.map(({ values, advantages, returns }, index) => ({
    ...{ values, advantages, returns },
    rollout: (lessons[index] as Lesson).rollout.logProbabilities,
  }))
  return { columns, kl: tokens > 0 ? distance / tokens : 0 }
}
