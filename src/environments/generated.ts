import { thoughtful } from './completion.ts'
import type { Attempt, Environment, Example, RewardParts, Split } from './environment.ts'
import { type Uniform, uniforms } from './random.ts'
import { type Keyed, problemsOf } from './split.ts'
import { answerText, promptOf, type WordingOptions, type Wordings } from './wording.ts'

/** An environment whose problems are drawn at random and whose solutions are computed. */
export interface Generated<Problem extends Keyed, Data> {
  readonly name: string
  /** The environment whose problems these are too: what is held out there is held out here. Its own name without it. */
  readonly split?: string
  draw(random: Uniform): Problem | undefined
  readonly wordings: Wordings<Problem>
  readonly wording: WordingOptions
  /** Whether traces think before they answer. */
  readonly thinking: boolean
  /** What the reward needs to know. */
  dataOf(problem: Problem): Data
  solve(problem: Problem, random: Uniform): { readonly thought: string; readonly answer: string }
  reward(attempt: Attempt<Example & Data>): RewardParts | Promise<RewardParts>
}

/** Makes the environment; traces come in the order of the examples. */
export function generated<Problem extends Keyed, Data>(description: Generated<Problem, Data>): Environment<never> {
  const { name, wordings, wording, thinking } = description
  function* prompted(split: Split, seed: number) {
    const random = uniforms(seed + 1)
    for (const problem of problemsOf(description.split ?? name, split, seed, description.draw)) {
      yield { problem, prompt: promptOf(wordings, problem, wording, random) }
    }
  }
  return {
    name,
    *examples(split, seed) {
      for (const { problem, prompt } of prompted(split, seed)) {
        yield { prompt, key: problem.key, ...description.dataOf(problem) } as never
      }
    },
    reward: description.reward,
    *traces(split, seed) {
      const random = uniforms(seed + 2)
      for (const { problem, prompt } of prompted(split, seed)) {
        const { thought, answer: text } = description.solve(problem, random)
        const answer = answerText(text, wording)
        yield { prompt, completion: thinking ? thoughtful(thought, answer) : answer }
      }
    },
  }
}

/** Option of environments whose traces can also answer directly. */
export const thinkingDescription = 'Whether traces think before they answer.'
