import { calculate, type Operator, type Rational, rational } from './rational.ts'

/** What an arithmetic expression says. */
export interface Expression {
  readonly value: Rational
  /** The numbers in it, in order. */
  readonly numbers: readonly number[]
}

const longest = 400
const deepest = 40

/** Other ways to write the signs. */
const plainSigns: readonly (readonly [RegExp, string])[] = [
  [/\\times|\\cdot|[×·∗✕]/gu, '*'],
  [/\\div|[÷∕／]/gu, '/'],
  [/[−–－]/gu, '-'],
  [/＋/gu, '+'],
  [/＊/gu, '*'],
  [/\\left|\\right/gu, ''],
  [/（/gu, '('],
  [/）/gu, ')'],
]

/** An arithmetic text with the plain signs + - * / ( ) in place of others. */
export function withPlainSigns(text: string): string {
  return plainSigns.reduce((plain, [sign, replacement]) => plain.replace(sign, replacement), text)
}

/**
 * Reads an arithmetic expression of whole numbers with + - * / and parentheses, exactly.
 *
 * @returns undefined for anything else, a division by 0, and what is very long or deep
 */
export function parseExpression(text: string): Expression | undefined {
  const plain = withPlainSigns(text)
  if (plain.length > longest) return undefined
  const tokens = plain.match(/\d+|[-+*/()]|\S/gu) ?? []
  const reader = new ExpressionReader(tokens)
  const value = reader.sum(0)
  return value === undefined || !reader.ended ? undefined : { value, numbers: reader.numbers }
}

/** Recursive descent: sums of products of numbers and parentheses. */
class ExpressionReader {
  readonly numbers: number[] = []
  private readonly tokens: readonly string[]
  private at = 0

  constructor(tokens: readonly string[]) {
    this.tokens = tokens
  }

  get ended(): boolean {
    return this.at === this.tokens.length
  }

  sum(depth: number): Rational | undefined {
    return this.chain('+-', () => this.chain('*/', () => this.factor(depth)))
  }

  private chain(operators: string, operand: () => Rational | undefined): Rational | undefined {
    let value = operand()
    while (value !== undefined && operators.includes(this.tokens[this.at] ?? ' ')) {
      const operator = this.tokens[this.at++] as Operator
      const right = operand()
      value = right && calculate(value, operator, right)
    }
    return value
  }

  private factor(depth: number): Rational | undefined {
    const token = this.tokens[this.at++] ?? ''
    if (token === '(' && depth < deepest) {
      const value = this.sum(depth + 1)
      return this.tokens[this.at++] === ')' ? value : undefined
    }
    if (!/^\d{1,15}$/.test(token)) return undefined
    this.numbers.push(Number(token))
    return rational(BigInt(token))
  }
}

/**
 * The expression that a free answer gives: in a box or `<answer>` tags, otherwise on the last line that holds one. What
 * follows "=" is left out.
 */
export function expressionIn(answer: string, boxed?: string): string | undefined {
  const tagged = /<answer>([^<]*)<\/answer>/u.exec(answer)?.[1]
  const lines = answer.slice(-4000).split('\n').reverse()
  for (const text of [boxed, tagged, ...lines]) {
    // A run that begins inside a number or behind a sign is a part of something else.
    const runs = withPlainSigns(text ?? '').match(/(?<![-+*/.^\w)])[\d(][-+*/()\d\s]*/gu) ?? []
    const found = runs.map((run) => run.trim()).find((run) => /[-+*/]/.test(run) && parseExpression(run) !== undefined)
    if (found !== undefined) return found
  }
  return undefined
}
