import { pick, type Uniform, whole } from '../random.ts'

/** a(x + s) + b = c(x + t) + d, some of these 0 or 1 depending on the kind. */
export interface EquationProblem {
  /** Names the problem, and is the equation as it is put. */
  readonly key: string
  readonly solution: number
  /** The lines of the working, each a form of the one before. */
  readonly lines: readonly string[]
}

/** `3x`, `x`, `-x`, '' for 0. */
const term = (factor: number): string => (factor === 0 ? '' : factor === 1 ? 'x' : factor === -1 ? '-x' : `${factor}x`)

/** slope · x + constant as people write it. */
function linearText(slope: number, constant: number): string {
  const first = term(slope)
  if (constant === 0) return first || '0'
  return first === '' ? String(constant) : `${first}${constant < 0 ? '-' : '+'}${Math.abs(constant)}`
}

/** One more thing on a side: `9-4`, `2x-5x`. */
const joined = (left: string, amount: string): string => (amount.startsWith('-') ? left + amount : `${left}+${amount}`)

/** A side of an equation: factor · (slope · x + inner) + outer. */
interface Side {
  readonly text: string
  readonly slope: number
  readonly constant: number
}

function plainSide(slope: number, constant: number): Side {
  return { text: linearText(slope, constant), slope, constant }
}

function bracketed(factor: number, shift: number): Side {
  return { text: `${factor}(${linearText(1, shift)})`, slope: factor, constant: factor * shift }
}

/** What kinds of equations there are, from easy to hard. */
export const equationKinds = ['one-step', 'two-step', 'both-sides', 'brackets'] as const
export type EquationKind = (typeof equationKinds)[number]

export interface EquationLimits {
  readonly kinds: readonly EquationKind[]
  /** Factors of the unknown lie from 1 (or its negative) to it. */
  readonly largestFactor: number
  readonly largestSolution: number
}

/** Draws an equation with a whole solution. @returns undefined where the draw has no single solution */
export function drawEquation(random: Uniform, limits: EquationLimits): EquationProblem | undefined {
  const { kinds, largestFactor, largestSolution } = limits
  const solution = whole(random, -largestSolution, largestSolution)
  const factor = () => whole(random, 2, largestFactor) * pick(random, [1, 1, 1, -1])
  const shift = () => whole(random, 1, 20) * pick(random, [1, -1])
  const kind = pick(random, kinds)
  const left =
    kind === 'brackets'
      ? bracketed(Math.abs(factor()), shift())
      : plainSide(kind === 'one-step' && random() < 0.5 ? 1 : factor(), shift())
  if (kind === 'one-step') {
    const side = left.slope === 1 ? left : plainSide(left.slope, 0)
    return solved(side, plainSide(0, side.slope * solution + side.constant), solution)
  }
  const slope = kind === 'two-step' || (kind === 'brackets' && random() < 0.5) ? 0 : factor()
  if (slope === left.slope) return undefined
  return solved(left, plainSide(slope, (left.slope - slope) * solution + left.constant), solution)
}

/** Expands, brings the unknown to the left and the numbers to the right, and divides. */
function solved(left: Side, right: Side, solution: number): EquationProblem {
  const problem = `${left.text}=${right.text}`
  const lines: string[] = [`${linearText(left.slope, left.constant)}=${right.text}`]
  const slope = left.slope - right.slope
  const constant = right.constant - left.constant
  if (right.slope !== 0 || left.constant !== 0) {
    const unknowns = right.slope === 0 ? term(left.slope) : joined(term(left.slope), term(-right.slope))
    const numbers =
      left.constant === 0 ? String(right.constant) : joined(String(right.constant), String(-left.constant))
    lines.push(`${unknowns}=${numbers}`, `${term(slope)}=${constant}`)
  }
  lines.push(`x=${solution}`)
  const fresh = lines.filter((line, index) => line !== problem && lines.indexOf(line) === index)
  return { key: problem, solution, lines: fresh.length > 0 ? fresh : [`x=${solution}`] }
}
