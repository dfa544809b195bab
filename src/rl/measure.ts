import { randomWord, streamKey } from '../tensor/random.ts'
import type { Judgement, Question } from './rollout-group.ts'
import type { Rollouts } from './rollouts.ts'

export interface MeasureOptions {
  /** Samples of each question at temperature 1; 0 measures greedily alone. */
  readonly samples: number
  readonly maxNewTokens: number
  readonly seed: number
  readonly signal?: AbortSignal | undefined
}

/** How well questions are answered; each number is a share of the questions but `length`. */
export interface Measurement {
  readonly greedy: number
  /** Mean over the samples; this and what follows only where samples were drawn. */
  readonly passAt1?: number
  /** Solved at least once. */
  readonly passAtK?: number
  /** The answer that most samples gave. */
  readonly majority?: number
  /** The sample that a checker without the right answer liked best. */
  readonly verified?: number
  /** Mean tokens of a greedy completion. */
  readonly length: number
  /** Whether each question was solved greedily, and its share of solved samples. */
  readonly each: readonly { readonly greedy: boolean; readonly samples: number }[]
}

const isSolved = (judgement: Judgement): boolean => !('failure' in judgement) && judgement.solved

/** Whether the commonest answer is right; of equals the one that came first. Samples without an answer do not vote. */
function majorityIsRight(judgements: readonly Judgement[]): boolean {
  const votes = new Map<string, { count: number; right: boolean }>()
  for (const judgement of judgements) {
    if ('failure' in judgement || judgement.answer === undefined) continue
    const vote = votes.get(judgement.answer) ?? { count: 0, right: judgement.solved }
    votes.set(judgement.answer, { ...vote, count: vote.count + 1 })
  }
  const [first, ...rest] = [...votes.values()]
  return first ? rest.reduce((best, vote) => (vote.count > best.count ? vote : best), first).right : false
}

/** Whether the sample with the highest verdict is right; of equals the first. */
function verifiedIsRight(judgements: readonly Judgement[]): boolean {
  const verdict = (judgement: Judgement) =>
    'failure' in judgement ? Number.NEGATIVE_INFINITY : (judgement.verified ?? 0)
  const [first, ...rest] = judgements
  if (!first) return false
  return isSolved(rest.reduce((best, one) => (verdict(one) > verdict(best) ? one : best), first))
}

const share = (values: readonly boolean[]): number => values.filter(Boolean).length / Math.max(1, values.length)

/** Answers questions greedily and by samples, and counts what is right. */
export async function measure(
  rollouts: Rollouts,
  questions: readonly Question[],
  { samples, maxNewTokens, seed, signal }: MeasureOptions,
): Promise<Measurement> {
  const key = streamKey(seed, 'rl.measure')
  const prompts = questions.map(({ prompt }) => prompt)
  const greedy = await rollouts.draw(
    prompts.map((prompt) => ({ prompt, seed: 0 })),
    { maxNewTokens, temperature: 0, signal },
  )
  const requests = prompts.flatMap((prompt, index) =>
    Array.from({ length: samples }, (_, sample) => ({ prompt, seed: randomWord(key, index * samples + sample) })),
  )
  const drawn = await rollouts.draw(requests, { maxNewTokens, temperature: 1, signal })
  const found = await Promise.all(
    questions.map(async (question, index) => {
      const judge = async (completion: (typeof drawn)[number] | undefined) =>
        completion ? (await question.judge(completion)).judgement : { failure: 'nothing was drawn' }
      const own = drawn.slice(index * samples, (index + 1) * samples)
      return { greedy: await judge(greedy[index]), samples: await Promise.all(own.map(judge)) }
    }),
  )
  const each = found.map(({ greedy: one, samples: many }) => ({
    greedy: isSolved(one),
    samples: share(many.map(isSolved)),
  }))
  return {
    greedy: share(each.map((one) => one.greedy)),
    ...(samples > 0 && {
      passAt1: each.reduce((sum, one) => sum + one.samples, 0) / Math.max(1, each.length),
      passAtK: share(each.map((one) => one.samples > 0)),
      majority: share(found.map(({ samples: many }) => majorityIsRight(many))),
      verified: share(found.map(({ samples: many }) => verifiedIsRight(many))),
    }),
    length: greedy.reduce((sum, { ids }) => sum + ids.length, 0) / Math.max(1, greedy.length),
    each,
  }
}
