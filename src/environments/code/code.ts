import { z } from 'zod'
import { partsOf } from '../completion.ts'
import type { RewardParts } from '../environment.ts'
import { generated } from '../generated.ts'
import type { Uniform } from '../random.ts'
import { equalValues } from '../sandbox/equal.ts'
import { extractCode } from '../sandbox/extract-code.ts'
import { runUntrusted, sandboxLimits } from '../sandbox/sandbox.ts'
import type { JsonValue } from '../sandbox/task.ts'
import { shipped } from '../shipped.ts'
import { type Wordings, wordingShape } from '../wording.ts'
import { drawListFunction } from './list-functions.ts'
import type { Specification } from './specification.ts'
import { drawTextFunction } from './text-functions.ts'

const options = z.strictObject({
  tests: z.int().min(1).max(50).default(8).describe('How many arguments a function is tried with; none is shown.'),
  partial: z.number().min(0).max(1).default(0).describe('Part of the reward that is the share of tests passed.'),
  milliseconds: z
    .int()
    .min(10)
    .max(60_000)
    .default(sandboxLimits.milliseconds)
    .describe('Time for all tests together.'),
  ...wordingShape,
})

/** One call and what is right for it. */
export interface FunctionTest {
  readonly arguments: readonly JsonValue[]
  readonly expected: JsonValue
}

/** What a reward needs to know of a function. */
export interface FunctionData {
  readonly functionName: string
  readonly tests: readonly FunctionTest[]
}

interface FunctionProblem extends FunctionData {
  readonly key: string
  readonly specification: Specification
}

const functionName = 'f'

const wordings: Wordings<FunctionProblem> = {
  en: {
    texts: [
      ({ specification: { parameter, en } }) => `Write a JavaScript function f(${parameter}) that returns ${en}.`,
      ({ specification: { parameter, en } }) => `JavaScript: f(${parameter}) gives ${en}.`,
    ],
    instruction: 'Answer with the function alone, in a block of code. TypeScript will do too.',
  },
  zh: {
    texts: [({ specification: { parameter, zh } }) => `写一个JavaScript函数f(${parameter}),返回${zh}。`],
    instruction: '只用一个代码块回答这个函数,也可以用TypeScript。',
  },
}

function drawFunction(random: Uniform, tests: number): FunctionProblem {
  const specification = random() < 0.7 ? drawListFunction(random) : drawTextFunction(random)
  const drawn = Array.from({ length: tests }, (): FunctionTest => {
    const argument = specification.draw(random)
    return { arguments: [argument], expected: specification.apply(argument) }
  })
  return { key: specification.en, specification, functionName, tests: drawn }
}

/** Runs a function that a model wrote on tests. @param milliseconds for all of them together */
export async function testFunction(
  code: string,
  { functionName: name, tests }: FunctionData,
  milliseconds: number = sandboxLimits.milliseconds,
): Promise<{ readonly compiles: boolean; readonly passed: number; readonly failure: string | undefined }> {
  const calls = tests.map((test) => test.arguments)
  const { failure, results } = await runUntrusted(code, name, calls, { milliseconds })
  const right = tests.map(({ expected }, index) => {
    const value = results[index]?.value
    return value !== undefined && equalValues(value, expected)
  })
  const first = results.find((result) => result.failure !== undefined)?.failure
  return { compiles: failure === undefined, passed: right.filter(Boolean).length, failure: failure ?? first }
}

/** 1 for a function that passes all tests. */
export async function functionReward(
  completion: string,
  data: FunctionData,
  { partial = 0, milliseconds = sandboxLimits.milliseconds }: { partial?: number; milliseconds?: number } = {},
): Promise<RewardParts> {
  const { answer = '' } = partsOf(completion)
  const code = extractCode(answer, data.functionName)
  const { compiles, passed } = await testFunction(code, data, milliseconds)
  const share = passed / data.tests.length
  const correct = Number(share === 1)
  return {
    reward: (1 - partial) * correct + partial * share,
    parts: { correct, compiles: Number(compiles), passed: share },
  }
}

/** Functions to be written; what is written is run. */
export const code = shipped({
  name: 'code',
  summary: 'Write a JavaScript or TypeScript function; it is run on hidden tests, apart from everything else.',
  options,
  create: ({ tests, partial, milliseconds, ...wording }) =>
    generated<FunctionProblem, FunctionData>({
      name: 'code',
      draw: (random) => drawFunction(random, tests),
      wordings,
      wording: { ...wording, answers: 'as they are' },
      thinking: false,
      dataOf: (problem) => ({ functionName, tests: problem.tests }),
      solve: ({ specification: { parameter, body } }) => ({
        thought: '',
        answer: `\`\`\`js\nfunction f(${parameter}) {\n  ${body}\n}\n\`\`\``,
      }),
      reward: ({ completion, example }) => functionReward(completion, example, { partial, milliseconds }),
    }),
})
