import { z } from 'zod'
import { thoughtful } from '../completion.ts'
import type { Example, Prompt, RewardParts, Split } from '../environment.ts'
import { numberReward } from '../number-answer.ts'
import { shuffled, uniforms } from '../random.ts'
import { shipped } from '../shipped.ts'
import { readWordProblems, type WordProblem } from './records.ts'

const options = z.strictObject({
  path: z
    .string()
    .optional()
    .describe('A folder with train.jsonl and test.jsonl; the data set of the package without it.'),
  form: z
    .enum(['text', 'chat'])
    .default('text')
    .describe('Whether a prompt is a text to continue, or a message that also says how to answer.'),
  shots: z.int().min(0).max(32).default(0).describe('Solved problems of the training split before each question.'),
})

type Options = z.output<typeof options>

/** What a reward needs to know of a problem. */
interface WordProblemData {
  readonly answer: number
}

const instruction = 'Please reason step by step, and put your final answer within \\boxed{}.'

function promptOf({ question }: WordProblem, shots: readonly WordProblem[], form: Options['form']): Prompt {
  if (form === 'text') {
    const solved = shots.map((shot) => `Question: ${shot.question}\nAnswer: ${shot.solution}\n#### ${shot.answer}\n\n`)
    return `${solved.join('')}Question: ${question}\nAnswer:`
  }
  const before = shots.flatMap((shot) => [
    { role: 'user', content: `${shot.question}\n${instruction}` },
    { role: 'assistant', content: `${shot.solution}\n\\boxed{${shot.answer}}` },
  ])
  return [...before, { role: 'user', content: `${question}\n${instruction}` }]
}

/** What a model that goes on to questions of its own said before them. */
const firstAnswer = (completion: string): string => completion.split(/\n\s*Question:/u)[0] ?? ''

/** Problems of a split: to learn from without end, in a new order each time; held out each once. */
async function* problemsOf(split: Split, seed: number, path: string | undefined) {
  const problems = await readWordProblems(split, path)
  const random = uniforms(seed)
  do yield* shuffled(random, problems)
  while (split === 'train' && problems.length > 0)
}

/** Word problems of school mathematics. */
export const gsm8k = shipped({
  name: 'gsm8k',
  summary: 'Word problems of school mathematics: GSM8K, its test split held out.',
  options,
  create({ path, form, shots }) {
    async function* prompted(split: Split, seed: number) {
      const shown = shots > 0 ? (await readWordProblems('train', path)).slice(0, shots) : []
      for await (const problem of problemsOf(split, seed, path))
        yield { problem, prompt: promptOf(problem, shown, form) }
    }
    return {
      name: 'gsm8k',
      async *examples(split, seed) {
        for await (const { problem, prompt } of prompted(split, seed)) {
          yield { prompt, key: problem.question, answer: problem.answer } as never
        }
      },
      reward({ completion, example }: { completion: string; example: Example & WordProblemData }): RewardParts {
        return numberReward(firstAnswer(completion), example.answer)
      },
      async *traces(split, seed) {
        for await (const { problem, prompt } of prompted(split, seed)) {
          const answer = form === 'chat' ? `\\boxed{${problem.answer}}` : `#### ${problem.answer}`
          yield { prompt, completion: thoughtful(problem.solution, answer) }
        }
      },
    }
  },
})
