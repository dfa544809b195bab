import { z } from 'zod'
import { generated, thinkingDescription } from '../generated.ts'
import { numberReward } from '../number-answer.ts'
import { shipped } from '../shipped.ts'
import { wordingShape } from '../wording.ts'
import {
  type ArithmeticProblem,
  arithmeticProblem,
  arithmeticWordings,
  numberOfDigits,
  solveArithmetic,
} from './problem.ts'

const digits = z.int().min(1).max(7).default(3)

const options = z.strictObject({
  leftDigits: digits.describe('Digits of the left number.'),
  rightDigits: digits.describe('Digits of the right number.'),
  thinking: z.boolean().default(true).describe(thinkingDescription),
  ...wordingShape,
})

/** Products of numbers of several digits. */
export const multiplication = shipped({
  name: 'multiplication',
  summary: 'Products of numbers of several digits, multiplied in writing.',
  options,
  create: (settings) =>
    generated<ArithmeticProblem, { readonly result: number }>({
      name: 'multiplication',
      // Products by one digit are asked there, too.
      ...(Math.min(settings.leftDigits, settings.rightDigits) === 1 && { split: 'arithmetic' }),
      draw: (random) => {
        const left = numberOfDigits(random, settings.leftDigits)
        return arithmeticProblem(left, '*', numberOfDigits(random, settings.rightDigits))
      },
      wordings: arithmeticWordings,
      wording: settings,
      thinking: settings.thinking,
      dataOf: ({ result }) => ({ result }),
      solve: solveArithmetic,
      reward: ({ completion, example }) => numberReward(completion, example.result),
    }),
})
