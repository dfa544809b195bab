import { z } from 'zod'
import { extractBoxed } from '../../text/index.ts'
import { partsOf } from '../completion.ts'
import { expressionIn, parseExpression } from '../expression.ts'
import { generated, thinkingDescription } from '../generated.ts'
import { pick } from '../random.ts'
import { shipped } from '../shipped.ts'
import { type Wordings, wordingShape } from '../wording.ts'
import { type CountdownProblem, drawProblem } from './problem.ts'
import { expressionOf, searchGuided, searchSystematically } from './search.ts'

const count = z.int().min(2).max(6)

const options = z
  .strictObject({
    numbers: z
      .union([count, z.array(count).min(1)])
      .default(3)
      .describe('How many numbers; of several counts one is drawn.'),
    largestNumber: z.int().min(2).max(100).default(12).describe('Numbers lie from 1 to it.'),
    largestTarget: z.int().min(2).max(200).default(100).describe('Targets lie from 1 to it.'),
    thinking: z.boolean().default(true).describe(thinkingDescription),
    search: z
      .enum(['systematic', 'guided', 'auto'])
      .default('auto')
      .describe(
        'How traces think: all ways in order, or random ones until a right one; auto is the first up to 3 numbers.',
      ),
    attempts: z.int().min(1).max(100).default(8).describe('Most lines of a guided search.'),
    formatReward: z
      .number()
      .default(0)
      .describe('Reward of a wrong answer that is an expression of the right numbers.'),
    ...wordingShape,
  })
  .refine(({ numbers, search }) => search !== 'systematic' || Math.max(...[numbers].flat()) <= 4, {
    message: 'A systematic search of more than 4 numbers never ends; use search: guided.',
  })

/** What a reward needs to know of a problem. */
export interface CountdownData {
  readonly numbers: readonly number[]
  readonly target: number
}

const wordings: Wordings<CountdownProblem> = {
  en: {
    texts: [
      ({ numbers, target }) => `Make ${target} from ${numbers.join(', ')}.`,
      ({ numbers, target }) => `Use ${numbers.join(', ')} to make ${target}.`,
      ({ numbers, target }) => `Numbers: ${numbers.join(', ')}. Target: ${target}.`,
    ],
    instruction:
      'Write an expression with +, -, *, / and parentheses that uses each of the numbers exactly once. Think step by step, then give the expression within \\boxed{}.',
  },
  zh: {
    texts: [
      ({ numbers, target }) => `用${numbers.join('、')}算出${target}。`,
      ({ numbers, target }) => `数字:${numbers.join('、')}。目标:${target}。`,
    ],
    instruction: '写出一个用加、减、乘、除和括号组成的算式,每个数字恰好用一次。请逐步思考,然后把算式放在\\boxed{}中。',
  },
}

/** Whether an answer is an expression, of the right numbers, that gives the target. */
export function checkCountdown(
  completion: string,
  { numbers, target }: CountdownData,
): { readonly text: string | undefined; readonly allowed: boolean; readonly correct: boolean } {
  const { answer = '' } = partsOf(completion)
  const text = expressionIn(answer, extractBoxed(answer))
  const expression = text === undefined ? undefined : parseExpression(text)
  if (!expression) return { text: undefined, allowed: false, correct: false }
  const sorted = (list: readonly number[]) => [...list].sort((left, right) => left - right).join(' ')
  const allowed = sorted(expression.numbers) === sorted(numbers)
  const { top, bottom } = expression.value
  return { text, allowed, correct: allowed && bottom === 1n && top === BigInt(target) }
}

/** Numbers that must give a target. */
export const countdown = shipped({
  name: 'countdown',
  summary: 'Make a target from numbers, each used once.',
  options,
  create(settings) {
    const { numbers: counts, largestNumber, largestTarget, search, attempts, formatReward } = settings
    return generated<CountdownProblem, CountdownData>({
      name: 'countdown',
      draw: (random) => drawProblem(random, { count: pick(random, [counts].flat()), largestNumber, largestTarget }),
      wordings,
      wording: settings,
      thinking: settings.thinking,
      dataOf: ({ numbers, target }) => ({ numbers, target }),
      solve(problem, random) {
        const guided = search === 'guided' || (search === 'auto' && problem.numbers.length > 3)
        const { thought, solution } = guided ? searchGuided(problem, attempts, random) : searchSystematically(problem)
        return { thought, answer: expressionOf(problem.numbers, solution) }
      },
      reward({ completion, example }) {
        const { text, allowed, correct } = checkCountdown(completion, example)
        return {
          reward: correct ? 1 : allowed ? formatReward : 0,
          parts: { correct: Number(correct), parsed: Number(text !== undefined), allowed: Number(allowed) },
          // The problem itself says whether an expression is right.
          verified: Number(correct),
          ...(text !== undefined && { answer: text.replace(/\s/gu, '') }),
        }
      },
    })
  },
})
