import type { RewardModel } from '../train/reward-model.ts'

/** Gives a completion its reward in the place of the environment, `tokens` being prompt and completion: a reward model. */
export type LearnedReward = (tokens: Int32Array) => Promise<number>

interface Asked {
  readonly tokens: Int32Array
  readonly answer: (score: number) => void
  readonly fail: (reason: unknown) => void
}

/** A reward model's scores, those that are asked for at the same moment worked out side by side. */
export function learnedReward(model: Pick<RewardModel, 'score'>): LearnedReward {
  let waiting: Asked[] = []
  const flush = async (): Promise<void> => {
    const asked = waiting
    waiting = []
    try {
      const scores = await model.score(asked.map(({ tokens }) => tokens))
      for (const [index, { answer }] of asked.entries()) answer(scores[index] as number)
    } catch (error) {
      for (const { fail } of asked) fail(error)
    }
  }
  return (tokens) =>
    new Promise((answer, fail) => {
      if (waiting.length === 0) setImmediate(flush)
      waiting.push({ tokens, answer, fail })
    })
}
