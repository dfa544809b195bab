import type { Completion } from './rollouts.ts'

/** What a reward said of a completion. */
export type Judgement =
  | {
      readonly reward: number
      /** What the reward is made of, by name. */
      readonly parts: Readonly<Record<string, number>>
      /** Whether the answer is right, whatever else was rewarded. */
      readonly solved: boolean
      /** The answer in the form in which it is compared with others. */
      readonly answer?: string
      /** What a checker says that does not know the right answer. */
      readonly verified?: number
    }
  /** The reward failed: the completion is recorded and not learnt from. */
  | { readonly failure: string }

export type Judged = Exclude<Judgement, { readonly failure: string }>

/** A question, ready to be completed. */
export interface Question {
  readonly prompt: Int32Array
  /** The prompt as text. */
  readonly text: string
  judge(completion: Completion): Promise<{ readonly text: string; readonly judgement: Judgement }>
}

/** A completion, its text, and what the reward said. */
export interface Rollout extends Completion {
  readonly text: string
  readonly judgement: Judgement
}

/** The completions of one question. */
export interface RolloutGroup {
  readonly question: Question
  readonly rollouts: readonly Rollout[]
}

/** Judgements of a group, without the failed ones. */
export function judgedOf({ rollouts }: RolloutGroup): Judged[] {
  return rollouts.flatMap(({ judgement }) => ('failure' in judgement ? [] : [judgement]))
}

/** Whether all completions got the same reward: there is nothing to tell better from worse by. */
export function hasNoVariance(group: RolloutGroup): boolean {
  const rewards = judgedOf(group).map(({ reward }) => reward)
  return rewards.every((reward) => Math.abs(reward - (rewards[0] as number)) < 1e-6)
}
