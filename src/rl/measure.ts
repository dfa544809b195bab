import { randomWord, streamKey } from '../tensor/random.ts'
import type { Judged, Judgement, Question } from './rollout-group.ts'
import type { Completion, Rollouts } from './rollouts.ts'
import { meanOf } from './statistics.ts'

export interface MeasureOptions {
  /** Samples of each question at temperature 1; 0 measures greedily alone. */
  readonly samples: number
  readonly maxNewTokens: number
  readonly seed: number
  readonly signal?: AbortSignal | undefined
}

/** How well questions are answered; each number is a share of the questions but `length` and `failures`. */
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
  /** Texts without a reward; they are in none of these shares. */
  readonly failures: number
}

/** What was said of the texts of one question. */
interface Found {
  readonly greedy: Judgement
  readonly samples: readonly Judgement[]
}

const judgedOnes = (judgements: readonly Judgement[]): Judged[] =>
  judgements.flatMap((judgement) => ('failure' in judgement ? [] : [judgement]))

/** Whether the commonest answer is right; of equals the one that came first. Samples without an answer do not vote. */
function majorityIsRight(judgements: readonly Judged[]): boolean {
  const votes = new Map<string, { count: number; right: boolean }>()
  for (const { answer, solved } of judgements) {
    if (answer === undefined) continue
    const vote = votes.get(answer) ?? { count: 0, right: solved }
    votes.set(answer, { ...vote, count: vote.count + 1 })
  }
  const [first, ...rest] = [...votes.values()]
  return first ? rest.reduce((best, vote) => (vote.count > best.count ? vote : best), first).right : false
}

/** Whether the sample with the highest verdict is right; of equals the first. */
function verifiedIsRight([first, ...rest]: readonly Judged[]): boolean {
  if (!first) return false
  return rest.reduce((best, one) => ((one.verified ?? 0) > (best.verified ?? 0) ? one : best), first).solved
}

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
  const found: Found[] = []
  // One after another: rewards that wait for a sandbox would run out of time while they wait.
  for (const [index, question] of questions.entries()) {
    const own = drawn.slice(index * samples, (index + 1) * samples)
    const judge = async (completion: Completion) => (await question.judge(completion)).judgement
    const [greedily, ...others] = await Promise.all([greedy[index] as Completion, ...own].map(judge))
    found.push({ greedy: greedily as Judgement, samples: others })
  }
  const greedyOnes = found.flatMap((one) => judgedOnes([one.greedy]))
  const sampled = found.map((one) => judgedOnes(one.samples)).filter(({ length }) => length > 0)
  const judgements = found.flatMap((one) => [one.greedy, ...one.samples])
  return {
    greedy: meanOf(greedyOnes.map(({ solved }) => solved)),
    ...(samples > 0 && {
      passAt1: meanOf(sampled.map((many) => meanOf(many.map(({ solved }) => solved)))),
      passAtK: meanOf(sampled.map((many) => many.some(({ solved }) => solved))),
      majority: meanOf(sampled.map(majorityIsRight)),
      verified: meanOf(sampled.map(verifiedIsRight)),
    }),
    length: meanOf(greedy.map(({ ids }) => ids.length)),
    failures: judgements.filter((judgement) => 'failure' in judgement).length,
  }
}
