import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { testFunction } from '../code/code.ts'
import { partsOf } from '../completion.ts'
import type { Example, Prompt, RewardParts, Split } from '../environment.ts'
import { shuffled, uniforms } from '../random.ts'
import { extractCode } from '../sandbox/extract-code.ts'
import type { JsonValue } from '../sandbox/task.ts'
import { shipped } from '../shipped.ts'

/** A problem of HumanEval (Chen et al. 2021, arXiv:2107.03374; MIT licence), translated. */
export interface HumanEvalProblem {
  /** Its name in HumanEval: `HumanEval/0`. */
  readonly id: string
  /** The function's name. */
  readonly name: string
  /** A comment and the first line of the function. */
  readonly prompt: string
  readonly tests: readonly { readonly arguments: readonly JsonValue[]; readonly expected: JsonValue }[]
  /** A function that passes. */
  readonly solution: string
}

const file = fileURLToPath(new URL('../../../data/humaneval-js/problems.jsonl', import.meta.url))

/** Reads all problems. */
export async function readHumanEval(): Promise<HumanEvalProblem[]> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n')
  return lines.map((line) => JSON.parse(line) as HumanEvalProblem)
}

const options = z.strictObject({
  form: z
    .enum(['text', 'chat'])
    .default('text')
    .describe('Whether a prompt is the head of a function to continue, or a message that asks for the function.'),
  milliseconds: z.int().min(10).max(60_000).default(5000).describe('Time for all tests of a problem together.'),
})

function promptOf({ prompt }: HumanEvalProblem, form: 'text' | 'chat'): Prompt {
  if (form === 'text') return prompt
  const request = 'Complete this JavaScript function. Answer with the whole function in a block of code.'
  return [{ role: 'user', content: `${request}\n\`\`\`js\n${prompt}}\n\`\`\`` }]
}

/** The code of a completion: a function of its own, or the head that was given and what follows it up to its end. */
export function humanEvalCode({ name, prompt }: Pick<HumanEvalProblem, 'name' | 'prompt'>, completion: string): string {
  const { thought, answer } = partsOf(completion)
  const own = extractCode(answer ?? '', name)
  if (new RegExp(`(?:function\\s+|const\\s+|let\\s+|var\\s+)${name}\\b`).test(own)) return own
  // What begins in the first column again stands after the function.
  const body = thought === undefined ? completion : (answer ?? '')
  const end = /^\}/m.exec(body)
  return `${prompt}${end ? body.slice(0, end.index + 1) : `${body}\n}`}`
}

interface HumanEvalData {
  readonly problem: HumanEvalProblem
}

/** HumanEval's problems in JavaScript: all that can be told by plain arguments and results. They are never learnt from. */
export const humanEval = shipped({
  name: 'humaneval-js-147',
  summary: '147 of the 164 problems of HumanEval, translated to JavaScript with their tests; all held out.',
  options,
  create: ({ form, milliseconds }) => ({
    name: 'humaneval-js-147',
    async *examples(split: Split, seed: number) {
      if (split === 'train') return
      for (const problem of shuffled(uniforms(seed), await readHumanEval())) {
        yield { prompt: promptOf(problem, form), key: problem.id, problem } as never
      }
    },
    async reward({
      completion,
      example,
    }: {
      completion: string
      example: Example & HumanEvalData
    }): Promise<RewardParts> {
      const { name, tests } = example.problem
      const code = humanEvalCode(example.problem, completion)
      const { compiles, passed } = await testFunction(code, { functionName: name, tests }, milliseconds)
      const correct = Number(passed === tests.length)
      return { reward: correct, parts: { correct, compiles: Number(compiles), passed: passed / tests.length } }
    },
  }),
})
