import { pick, shuffled, type Uniform, whole } from '../random.ts'
import type { Operator } from '../rational.ts'

/** Numbers that must give a target, each used once. */
export interface CountdownProblem {
  readonly numbers: readonly number[]
  readonly target: number
  /** Names the problem: the numbers in order of size, and the target. */
  readonly key: string
  /** The steps from which the problem was made. */
  readonly solution: readonly Step[]
}

/** Two numbers become one. Of a difference or quotient the larger stands left. */
export interface Step {
  readonly left: number
  readonly operator: Operator
  readonly right: number
  readonly result: number
}

/** No step on the way goes beyond it. */
export const largestResult = 200

/** All steps that two numbers allow: results are whole numbers from 1. */
export function stepsOf(one: number, other: number): Step[] {
  const [left, right] = one < other ? [other, one] : [one, other]
  const steps: Step[] = [{ left, operator: '+', right, result: left + right }]
  if (left > right) steps.push({ left, operator: '-', right, result: left - right })
  steps.push({ left, operator: '*', right, result: left * right })
  if (right > 1 && left % right === 0) steps.push({ left, operator: '/', right, result: left / right })
  return steps.filter(({ result }) => result <= largestResult)
}

/** The numbers after a step: what it used is gone, its result stands first. */
export function after(numbers: readonly number[], { left, right, result }: Step): number[] {
  const rest = [...numbers]
  for (const used of [left, right]) rest.splice(rest.indexOf(used), 1)
  return [result, ...rest]
}

/** One random step. */
export function randomStep(random: Uniform, numbers: readonly number[]): Step {
  const [one, other] = shuffled(random, numbers) as [number, number]
  // A sum of the largest numbers may be beyond the limit where a product is not allowed either; the difference is not.
  return pick(random, stepsOf(one, other))
}

export interface CountdownLimits {
  /** How many numbers. */
  readonly count: number
  /** Numbers lie from 1 to it. */
  readonly largestNumber: number
  readonly largestTarget: number
}

/** Draws a problem that can be solved. @returns undefined where the numbers drawn reach no allowed target */
export function drawProblem(
  random: Uniform,
  { count, largestNumber, largestTarget }: CountdownLimits,
): CountdownProblem | undefined {
  const numbers = Array.from({ length: count }, () => whole(random, 1, largestNumber))
  const solution: Step[] = []
  let rest: readonly number[] = numbers
  while (rest.length > 1) {
    const step = randomStep(random, rest)
    solution.push(step)
    rest = after(rest, step)
  }
  const target = rest[0] as number
  return target > largestTarget ? undefined : { numbers, target, key: keyOf(numbers, target), solution }
}

/** The same for all orders of the numbers. */
export function keyOf(numbers: readonly number[], target: number): string {
  return `${[...numbers].sort((left, right) => left - right).join(' ')} = ${target}`
}
