import { withPlainSigns } from '../expression.ts'
import { calculate, type Operator, type Rational, rational } from '../rational.ts'

/** slope · x + constant, exactly. */
export interface Linear {
  readonly slope: Rational
  readonly constant: Rational
}

const zero: Rational = { top: 0n, bottom: 1n }
const one: Rational = { top: 1n, bottom: 1n }
const longest = 200
const deepest = 20

/**
 * Reads a linear term of one unknown: `3(x - 2)/4 + 1.5x`.
 *
 * @returns undefined for anything else: products of unknowns, other letters, divisions by 0 or by the unknown
 */
export function parseLinear(text: string, unknown = 'x'): Linear | undefined {
  const plain = withPlainSigns(text)
  if (plain.length > longest) return undefined
  const tokens = plain.match(/\d+(?:\.\d+)?|\S/gu) ?? []
  const reader = new LinearReader(tokens, unknown)
  const value = reader.sum(0)
  return value === undefined || !reader.ended ? undefined : value
}

class LinearReader {
  private readonly tokens: readonly string[]
  private readonly unknown: string
  private at = 0

  constructor(tokens: readonly string[], unknown: string) {
    this.tokens = tokens
    this.unknown = unknown
  }

  get ended(): boolean {
    return this.at === this.tokens.length
  }

  sum(depth: number): Linear | undefined {
    let value = this.product(depth)
    while (value !== undefined && (this.next === '+' || this.next === '-')) {
      const operator = this.take() as Operator
      value = combine(value, operator, this.product(depth))
    }
    return value
  }

  private get next(): string {
    return this.tokens[this.at] ?? ''
  }

  private take(): string {
    return this.tokens[this.at++] ?? ''
  }

  /** Factors joined by signs, or standing beside each other: `3x`, `2(x+1)`. */
  private product(depth: number): Linear | undefined {
    let value = this.factor(depth)
    while (value !== undefined) {
      if (this.next === '*' || this.next === '/') value = combine(value, this.take() as Operator, this.factor(depth))
      else if (this.next === '(' || this.next === this.unknown) value = combine(value, '*', this.factor(depth))
      else break
    }
    return value
  }

  private factor(depth: number): Linear | undefined {
    if (depth > deepest) return undefined
    const token = this.take()
    if (token === '-' || token === '+') {
      const value = this.factor(depth + 1)
      return token === '+' ? value : combine({ slope: zero, constant: zero }, '-', value)
    }
    if (token === '(') {
      const value = this.sum(depth + 1)
      return this.take() === ')' ? value : undefined
    }
    if (token === this.unknown) return { slope: one, constant: zero }
    const [, whole, part = ''] = /^(\d{1,15})(?:\.(\d{1,6}))?$/.exec(token) ?? []
    if (whole === undefined) return undefined
    const constant = rational(BigInt(whole + part), 10n ** BigInt(part.length))
    return constant && { slope: zero, constant }
  }
}

/** @returns undefined where the result is not linear */
function combine(left: Linear, operator: Operator, right: Linear | undefined): Linear | undefined {
  if (right === undefined) return undefined
  if (operator === '*' && left.slope.top === 0n) return scaled(right, '*', left.constant)
  if (operator === '*' || operator === '/') {
    return right.slope.top === 0n ? scaled(left, operator, right.constant) : undefined
  }
  return joined(calculate(left.slope, operator, right.slope), calculate(left.constant, operator, right.constant))
}

function scaled({ slope, constant }: Linear, operator: '*' | '/', factor: Rational): Linear | undefined {
  return joined(calculate(slope, operator, factor), calculate(constant, operator, factor))
}

function joined(slope: Rational | undefined, constant: Rational | undefined): Linear | undefined {
  return slope && constant && { slope, constant }
}
