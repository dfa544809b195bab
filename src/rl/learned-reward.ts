import { R1Error } from '../errors.ts'
import type { Tokenizer } from '../text/index.ts'
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

/** Letters, digits, signs and a mark that tokenizers cut in their own ways. */
const probe = 'The 1,234 words: x²+5 = 你好 <think>\n\tend</think>'

/** A reward model reads the very tokens that the policy writes. @throws R1Error `checkpoint-mismatch` */
export function requireSameLanguage(
  rewardModel: Pick<RewardModel, 'tokenizer' | 'positions'>,
  tokenizer: Tokenizer,
  context: number,
): void {
  const [own, other] = [tokenizer, rewardModel.tokenizer].map((one) => [...one.encode(probe), one.special.eos].join())
  if (own !== other) {
    throw new R1Error('checkpoint-mismatch', 'The reward model has another tokenizer than the policy.', {
      remedy: 'Train it from a checkpoint of the same model.',
    })
  }
  if (rewardModel.positions >= context) return
  throw new R1Error(
    'checkpoint-mismatch',
    `The reward model reads ${rewardModel.positions} tokens; prompts and completions have up to ${context}.`,
    { remedy: 'Shorten `promptLength` or `maxNewTokens`, or train a reward model with more positions.' },
  )
}
