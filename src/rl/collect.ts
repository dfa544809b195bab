import { randomWord, streamKey } from '../tensor/random.ts'
import { hasNoVariance, type Question, type RolloutGroup } from './rollout-group.ts'
import type { Rollouts } from './rollouts.ts'

export interface CollectOptions {
  readonly seed: number
  /** Questions of a step. */
  readonly questions: number
  /** Completions of each. */
  readonly group: number
  readonly maxNewTokens: number
  /**
   * Groups whose rewards are all equal are replaced by those of further questions, in up to so many rounds (dynamic
   * sampling, arXiv:2503.14476); 1 keeps them.
   */
  readonly rounds: number
}

export interface Collection {
  /** What is learnt from. */
  readonly kept: readonly RolloutGroup[]
  /** All that was drawn, in its order. */
  readonly drawn: readonly RolloutGroup[]
}

/**
 * Draws and judges the completions of a step.
 *
 * @param ask questions of this step, one after another; fewer where there are no more
 * @param step seeds of completions follow from it
 */
export async function collect(
  rollouts: Rollouts,
  ask: Iterator<Question> | AsyncIterator<Question>,
  step: number,
  options: CollectOptions,
  signal?: AbortSignal,
): Promise<Collection> {
  const { seed, questions: wanted, group, maxNewTokens, rounds } = options
  const key = streamKey(seed, `rl.rollouts.${step}`)
  const [kept, drawn]: [RolloutGroup[], RolloutGroup[]] = [[], []]
  let next = 0
  for (let round = 0; round < rounds && kept.length < wanted; round++) {
    const questions: Question[] = []
    while (questions.length < wanted - kept.length) {
      const { done, value } = await ask.next()
      if (done) break
      questions.push(value)
    }
    if (questions.length === 0) break
    const requests = questions.flatMap(({ prompt }) =>
      Array.from({ length: group }, () => ({ prompt, seed: randomWord(key, next++) })),
    )
    const completions = await rollouts.draw(requests, { maxNewTokens, temperature: 1, signal })
    for (const [index, question] of questions.entries()) {
      const own = completions.slice(index * group, (index + 1) * group)
      const judged = await Promise.all(
        own.map(async (completion) => ({ completion, ...(await question.judge(completion)) })),
      )
      const one = { question, rollouts: judged.map(({ completion, ...rest }) => ({ ...completion, ...rest })) }
      drawn.push(one)
      if (rounds === 1 || !hasNoVariance(one)) kept.push(one)
    }
  }
  return { kept, drawn }
}
