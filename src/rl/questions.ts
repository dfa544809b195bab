import { type Environment, type RewardParts, type Split, score } from '../environments/index.ts'
import {
  mostPassed,
  type ProblemReader,
  problemsFrom,
  promptsTooLong,
  type TokenProblem,
} from '../train/sampling/problems.ts'
import type { LearnedReward } from './learned-reward.ts'
import type { Judgement, Question } from './rollout-group.ts'

export interface QuestionOptions {
  readonly environment: Environment
  readonly reader: ProblemReader
  /** Problems whose prompts have more tokens are passed over. */
  readonly longestPrompt: number
  readonly learnedReward?: LearnedReward | undefined
}

function judgementOf({ reward, parts = {}, answer, verified }: RewardParts): Judgement {
  return {
    ...{ reward, parts, solved: (parts.correct ?? reward) >= 1 },
    ...(answer !== undefined && { answer }),
    ...(verified !== undefined && { verified }),
  }
}

function questionOf({ problem, prompt }: TokenProblem, options: QuestionOptions): Question {
  const { environment, reader, learnedReward } = options
  const { prompt: asked } = problem
  return {
    prompt,
    text: typeof asked === 'string' ? asked : asked.map(({ content }) => content).join('\n'),
    async judge({ ids }) {
      const tokens = reader.stopIds.includes(ids.at(-1) ?? -1) ? ids.subarray(0, -1) : ids
      const completion = reader.tokenizer.decode(tokens)
      const found = await score(environment, { prompt: asked, completion, tokens, example: problem })
      if (found.failure !== undefined) return { text: completion, judgement: { failure: found.failure } }
      const judgement = judgementOf(found)
      if (!learnedReward || 'failure' in judgement) return { text: completion, judgement }
      const learned = await learnedReward(Int32Array.from([...prompt, ...ids]))
      // What is optimised is the learned reward; the true one is watched beside it.
      return {
        text: completion,
        judgement: { ...judgement, reward: learned, parts: { ...judgement.parts, true: found.reward } },
      }
    },
  }
}

/**
 * The questions of an environment, in the order of the seed.
 *
 * @throws R1Error `context-too-long` where every prompt is too long, `no-template`
 */
export async function* questionsOf(options: QuestionOptions, split: Split, seed: number): AsyncGenerator<Question> {
  const { environment, reader, longestPrompt } = options
  const problems = await problemsFrom(environment, split, seed, 0)
  let passed = 0
  for (;;) {
    const { done, value } = await problems.next()
    if (done) return
    const read = await reader.read(value)
    if (read.prompt.length <= longestPrompt) {
      passed = 0
      yield questionOf(read, options)
    } else if (++passed === mostPassed) throw promptsTooLong(environment, longestPrompt, 'promptLength')
  }
}

/** Questions to learn from in the one order that an environment has, from a number on; after the last comes the first. */
export async function* questionsFrom(options: QuestionOptions, from: number): AsyncGenerator<Question> {
  let left = from
  for (let any = true; any; ) {
    any = false
    for await (const question of questionsOf(options, 'train', 0)) {
      any = true
      if (left-- <= 0) yield question
    }
  }
}

/** Problems by which seeds are compared. */
const compared = 4

/** Whether an environment gives the same problems in the same order whatever the seed. */
export async function ignoresSeed(environment: Environment): Promise<boolean> {
  const begins = async (seed: number) => {
    const problems = await problemsFrom(environment, 'train', seed, 0)
    const prompts: string[] = []
    while (prompts.length < compared) {
      const { done, value } = await problems.next()
      if (done) break
      prompts.push(JSON.stringify(value.prompt))
    }
    return prompts.join('\n')
  }
  const [first, ...others] = [await begins(1), await begins(2), await begins(3)]
  return others.every((other) => other === first)
}

/** Some questions, as a list. */
export async function take(questions: AsyncIterable<Question>, count: number): Promise<Question[]> {
  const taken: Question[] = []
  if (count === 0) return taken
  for await (const question of questions) {
    taken.push(question)
    if (taken.length === count) break
  }
  return taken
}
