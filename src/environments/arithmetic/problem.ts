import { type Uniform, whole } from '../random.ts'
import type { Wordings } from '../wording.ts'
import { addition, multiplication, productByDigit, subtraction } from './working.ts'

export type ArithmeticOperator = '+' | '-' | '*'

/** Two numbers and what is to be done with them. */
export interface ArithmeticProblem {
  readonly left: number
  readonly operator: ArithmeticOperator
  readonly right: number
  readonly result: number
  /** Names the problem; the same for 3+5 and 5+3. */
  readonly key: string
}

export function arithmeticProblem(left: number, operator: ArithmeticOperator, right: number): ArithmeticProblem {
  const result = operator === '+' ? left + right : operator === '-' ? left - right : left * right
  const [first, second] = operator !== '-' && left > right ? [right, left] : [left, right]
  return { left, operator, right, result, key: `${first}${operator}${second}` }
}

/** A number of so many digits; of one digit 0 too. */
export function numberOfDigits(random: Uniform, digits: number): number {
  return whole(random, digits === 1 ? 0 : 10 ** (digits - 1), 10 ** digits - 1)
}

/** The work in writing and the result. */
export function solveArithmetic({ left, operator, right, result }: ArithmeticProblem): {
  thought: string
  answer: string
} {
  return { thought: workingOf(left, operator, right), answer: String(result) }
}

// The thought says the problem again, in signs, however it was worded.

function workingOf(left: number, operator: ArithmeticOperator, right: number): string {
  if (operator === '+') return `${left}+${right}: ${addition(left, right)}`
  // What is less than zero is worked out the other way round.
  if (operator === '-') {
    return left >= right
      ? `${left}-${right}: ${subtraction(left, right)}`
      : `-(${right}-${left}): ${subtraction(right, left)}`
  }
  return right < 10 ? `${left}*${right}: ${productByDigit(left, right)}` : multiplication(left, right)
}

type Texts = Readonly<Record<ArithmeticOperator, string>>
const spoken: Readonly<Record<'en' | 'zh', Texts>> = {
  en: { '+': 'plus', '-': 'minus', '*': 'times' },
  zh: { '+': '加', '-': '减', '*': '乘以' },
}

const written = ({ left, operator, right }: ArithmeticProblem) => `${left} ${operator} ${right}`

export const arithmeticWordings: Wordings<ArithmeticProblem> = {
  en: {
    texts: [
      (problem) => `What is ${written(problem)}?`,
      (problem) => `Calculate ${written(problem)}.`,
      ({ left, operator, right }) => `How much is ${left} ${spoken.en[operator]} ${right}?`,
      (problem) => `${written(problem)} = ?`,
    ],
    instruction: 'Think step by step, then give the number within \\boxed{}.',
  },
  zh: {
    texts: [
      (problem) => `计算${written(problem)}。`,
      ({ left, operator, right }) => `${left}${spoken.zh[operator]}${right}等于多少?`,
      (problem) => `${written(problem)}等于几?`,
    ],
    instruction: '请逐步思考,然后把得数放在\\boxed{}中。',
  },
}
