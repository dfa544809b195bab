import { calculate, type Rational, rational } from '../rational.ts'
import { type Linear, parseLinear } from './linear.ts'

/** An equation of one unknown. */
export interface Equation {
  readonly text: string
  readonly left: Linear
  readonly right: Linear
}

/** What solves an equation: one value, every value, or none. */
export type Solution = Rational | 'all' | 'none'

/** Reads `3x + 5 = 2(x - 1)`. @returns undefined for anything but two linear sides */
export function parseEquation(text: string, unknown = 'x'): Equation | undefined {
  const sides = text.split('=')
  if (sides.length !== 2) return undefined
  const [left, right] = sides.map((side) => parseLinear(side, unknown))
  return left && right && { text: text.trim(), left, right }
}

/** Solves an equation. */
export function solve({ left, right }: Equation): Solution {
  // (a − c)·x = d − b
  const slope = calculate(left.slope, '-', right.slope) as Rational
  const constant = calculate(right.constant, '-', left.constant) as Rational
  if (slope.top === 0n) return constant.top === 0n ? 'all' : 'none'
  return calculate(constant, '/', slope) as Rational
}

export function sameSolution(one: Solution, other: Solution): boolean {
  if (typeof one === 'string' || typeof other === 'string') return one === other
  return one.top === other.top && one.bottom === other.bottom
}

/** Whether an equation says nothing but what the unknown is: `x = 4`. */
export function isSolved({ left, right }: Equation): boolean {
  const alone = ({ slope, constant }: Linear) => slope.top === 1n && slope.bottom === 1n && constant.top === 0n
  return (alone(left) && right.slope.top === 0n) || (alone(right) && left.slope.top === 0n)
}

/** Whether an equation says something of numbers only: `6/2 = 3`. */
export function isAside({ left, right }: Equation): boolean {
  return left.slope.top === 0n && right.slope.top === 0n
}

/**
 * Whether one equation may be turned into another: both have the same solution.
 *
 * @param previous `3x + 5 = 11` @param next `3x = 6`
 */
export function validateStep(previous: Equation, next: Equation): boolean {
  return sameSolution(solve(previous), solve(next))
}

/** One line of a working. */
export interface SolutionStep {
  readonly equation: Equation
  /** Whether it follows from the equation before it; of an aside, whether it is true. A line said before is no step. */
  readonly valid: boolean
}

/** A working, checked line by line. */
export interface ParsedSolution {
  readonly steps: readonly SolutionStep[]
  /** What the last line that is solved gives. */
  readonly value: Rational | undefined
}

const mostSteps = 200

/**
 * Reads a working in free text and checks each of its equations against the one before it.
 *
 * @param problem the equation that is to be solved
 */
export function parseSolution(problem: Equation, working: string, unknown = 'x'): ParsedSolution {
  const steps: SolutionStep[] = []
  const said = new Set([problem.text.replace(/\s/gu, '')])
  let previous = problem
  let value: Rational | undefined
  for (const equation of equationsIn(working, unknown)) {
    const spelling = equation.text.replace(/\s/gu, '')
    const fresh = !said.has(spelling)
    said.add(spelling)
    if (isAside(equation)) {
      steps.push({ equation, valid: fresh && solve(equation) === 'all' })
      continue
    }
    steps.push({ equation, valid: fresh && validateStep(previous, equation) })
    previous = equation
    const solved = isSolved(equation) ? solve(equation) : undefined
    if (typeof solved === 'object') value = solved
  }
  return { steps, value }
}

/** The equations of a text, in order; `x = 6/2 = 3` is two. */
function* equationsIn(text: string, unknown: string): Generator<Equation, void, void> {
  let count = 0
  for (const line of text.slice(0, 20_000).split('\n')) {
    // Words and marks part equations from each other and from what is said about them.
    for (const part of line.split(/[A-Za-z]{2,}|[^A-Za-z\d\s+\-*/().=×÷·−–－＋＊（）]+|\.(?!\d)/gu)) {
      const sides = part.split('=')
      for (let place = 1; place < sides.length; place++) {
        const equation = parseEquation(`${sides[place - 1]}=${sides[place]}`, unknown)
        if (!equation) continue
        yield equation
        if (++count === mostSteps) return
      }
    }
  }
}

/** The number that an answer gives: `x = 4`, `4`, `3/2`. */
export function solutionValue(answer: string, unknown = 'x'): Rational | undefined {
  const last = [...equationsIn(answer, unknown)].filter(isSolved).at(-1)
  const solved = last && solve(last)
  if (typeof solved === 'object') return solved
  // Not the end of a longer number, as the 5 of 3.5.
  const number = /(?<![\d.,/])[-−–－]?(?<![\d.,/])\d{1,15}(?:\/\d{1,15})?$/u.exec(
    answer.replace(/[\s.。$]+$/u, ''),
  )?.[0]
  const [top = '', bottom = '1'] = (number ?? '').replace(/[−–－]/u, '-').split('/')
  return top === '' ? undefined : rational(BigInt(top), BigInt(bottom))
}
