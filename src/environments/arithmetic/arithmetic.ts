import { z } from 'zod'
import { generated, thinkingDescription } from '../generated.ts'
import { numberReward } from '../number-answer.ts'
import { pick, type Uniform, whole } from '../random.ts'
import { shipped } from '../shipped.ts'
import { wordingShape } from '../wording.ts'
import {
  type ArithmeticOperator,
  type ArithmeticProblem,
  arithmeticProblem,
  arithmeticWordings,
  numberOfDigits,
  solveArithmetic,
} from './problem.ts'

const options = z.strictObject({
  operations: z
    .array(z.enum(['+', '-', '*']))
    .min(1)
    .default(['+', '-', '*'])
    .describe('What is asked for, each equally often.'),
  digits: z.int().min(1).max(7).default(3).describe('Most digits of what is added and subtracted.'),
  factorDigits: z.int().min(1).max(7).default(2).describe('Most digits of what is multiplied by one digit.'),
  negative: z.boolean().default(false).describe('Whether differences may be below zero.'),
  thinking: z.boolean().default(true).describe(thinkingDescription),
  ...wordingShape,
})

type Options = z.output<typeof options>

function draw(random: Uniform, { operations, digits, factorDigits, negative }: Options): ArithmeticProblem {
  const operator: ArithmeticOperator = pick(random, operations)
  const number = (most: number) => numberOfDigits(random, whole(random, 1, most))
  if (operator === '*') return arithmeticProblem(number(factorDigits), operator, number(1))
  const [left, right] = [number(digits), number(digits)]
  const swap = operator === '-' && !negative && left < right
  return swap ? arithmeticProblem(right, operator, left) : arithmeticProblem(left, operator, right)
}

/** Sums, differences, and products by one digit. */
export const arithmetic = shipped({
  name: 'arithmetic',
  summary: 'Sums and differences, and products by one digit, worked out digit by digit.',
  options,
  create: (settings) =>
    generated<ArithmeticProblem, { readonly result: number; readonly operator: ArithmeticOperator }>({
      name: 'arithmetic',
      draw: (random) => draw(random, settings),
      wordings: arithmeticWordings,
      wording: settings,
      thinking: settings.thinking,
      dataOf: ({ result, operator }) => ({ result, operator }),
      solve: solveArithmetic,
      reward: ({ completion, example }) => numberReward(completion, example.result),
    }),
})
