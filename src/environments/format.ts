import { z } from 'zod'
import { thinkTags } from '../text/index.ts'
import {
  type ArithmeticProblem,
  arithmeticProblem,
  arithmeticWordings,
  numberOfDigits,
  solveArithmetic,
} from './arithmetic/problem.ts'
import { partsOf } from './completion.ts'
import { generated } from './generated.ts'
import { pick, whole } from './random.ts'
import { shipped } from './shipped.ts'
import { wordingShape } from './wording.ts'

const options = z.strictObject({
  longestAnswer: z.int().min(1).default(200).describe('Most characters of the answer after the thought.'),
  ...wordingShape,
})

/** What a completion has of the form: a thought, then an answer. */
export interface FormatParts {
  /** It begins with a thought that says something and ends, and there is no second one. */
  readonly thinks: boolean
  /** Something follows the thought, and not too much. */
  readonly answers: boolean
}

/** Looks at a completion's form alone. */
export function checkFormat(completion: string, longestAnswer = 200): FormatParts {
  const { thought, answer } = partsOf(completion)
  const { open, close } = thinkTags
  const count = (mark: string) => completion.split(mark).length - 1
  const begins = completion.trimStart().startsWith(open) ? count(open) === 1 : count(open) === 0
  const thinks = begins && count(close) === 1 && (thought ?? '') !== ''
  return { thinks, answers: thinks && (answer ?? '') !== '' && (answer ?? '').length <= longestAnswer }
}

/** Thought and answer in their marks, whatever they say. */
export const format = shipped({
  name: 'format',
  summary: 'One thought in its marks, then a short answer: the form alone is rewarded.',
  options,
  create: (settings) =>
    generated<ArithmeticProblem, object>({
      name: 'format',
      split: 'arithmetic',
      draw: (random) =>
        arithmeticProblem(
          numberOfDigits(random, whole(random, 1, 2)),
          pick(random, ['+', '*'] as const),
          numberOfDigits(random, 1),
        ),
      wordings: arithmeticWordings,
      wording: settings,
      thinking: true,
      dataOf: () => ({}),
      solve: solveArithmetic,
      reward({ completion }) {
        const { thinks, answers } = checkFormat(completion, settings.longestAnswer)
        return {
          reward: (Number(thinks) + Number(answers)) / 2,
          parts: { thinks: Number(thinks), answers: Number(answers) },
        }
      },
    }),
})
