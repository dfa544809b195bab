import { type Uniform, whole } from '../random.ts'
import { after, type CountdownProblem, randomStep, type Step, stepsOf } from './problem.ts'

/** How a thought looks for the solution: all ways in order, or some at random until the right one comes. */
export type Search = 'systematic' | 'guided'

const stepText = ({ left, operator, right, result }: Step) => `${left}${operator}${right}=${result}`

/** One line of a search: steps until two numbers are left, then everything these two give. */
interface Line {
  readonly text: string
  /** The steps that reach the target, where they do. */
  readonly solution: readonly Step[] | undefined
}

/** Tries all results of the last two numbers, up to the target: `3+5=8 7: 8+7=15 8-7=1 8*7>` for a target of 15 ends at once. */
function tryLine(steps: readonly Step[], [one, other]: readonly [number, number], target: number): Line {
  const words = steps.map(stepText)
  words.push(`${one} ${other}:`)
  for (const step of stepsOf(one, other)) {
    // What is beyond the target need not be worked out.
    words.push(step.operator === '*' && step.result > target ? `${step.left}*${step.right}>` : stepText(step))
    if (step.result === target) return { text: words.join(' '), solution: [...steps, step] }
  }
  return { text: words.join(' '), solution: undefined }
}

/** A thought that finds a solution, and the solution. */
export interface SearchTrace {
  readonly thought: string
  readonly solution: readonly Step[]
}

/** Goes through all first steps in order. Grows fast with the count of numbers: for three of them. */
export function searchSystematically({ numbers, target, solution }: CountdownProblem): SearchTrace {
  const lines: string[] = []
  const walk = (rest: readonly number[], steps: readonly Step[]): readonly Step[] | undefined => {
    if (rest.length === 2) {
      const line = tryLine(steps, rest as [number, number], target)
      lines.push(line.text)
      return line.solution
    }
    for (const [place, one] of rest.entries()) {
      for (const other of rest.slice(place + 1)) {
        for (const step of stepsOf(one, other)) {
          const found = walk(after(rest, step), [...steps, step])
          if (found) return found
        }
      }
    }
    return undefined
  }
  // A problem is made by such steps, so the walk meets a solution at the latest where it was made.
  const found = walk(numbers, []) ?? solution
  return { thought: lines.join('\n'), solution: found }
}

/** Tries up to `attempts` random lines, the last of which reaches the target. */
export function searchGuided(
  { numbers, target, solution }: CountdownProblem,
  attempts: number,
  random: Uniform,
): SearchTrace {
  const lines = new Set<string>()
  const wrong = whole(random, 0, attempts - 1)
  for (let tries = 0; lines.size < wrong && tries < 4 * attempts; tries++) {
    const line = randomLine(numbers, target, random)
    // Luck ends a search as skill does.
    if (line.solution) return { thought: [...lines, line.text].join('\n'), solution: line.solution }
    lines.add(line.text)
  }
  let rest: readonly number[] = numbers
  const first = solution.slice(0, -1)
  for (const step of first) rest = after(rest, step)
  const last = tryLine(first, rest as [number, number], target)
  return { thought: [...lines, last.text].join('\n'), solution: last.solution ?? solution }
}

function randomLine(numbers: readonly number[], target: number, random: Uniform): Line {
  const steps: Step[] = []
  let rest = numbers
  while (rest.length > 2) {
    const step = randomStep(random, rest)
    steps.push(step)
    rest = after(rest, step)
  }
  return tryLine(steps, rest as [number, number], target)
}

/** The steps as one expression: `(3+5)*7`. */
export function expressionOf(numbers: readonly number[], steps: readonly Step[]): string {
  const parts = numbers.map((value) => ({ value, text: String(value) }))
  for (const [index, { left, operator, right, result }] of steps.entries()) {
    const take = (value: number) => {
      // A number made by an earlier step goes before an equal one that was given: the one made last stands first.
      const place = parts.findIndex((part) => part.value === value)
      return parts.splice(place, 1)[0]?.text ?? String(value)
    }
    const text = `${take(left)}${operator}${take(right)}`
    parts.unshift({ value: result, text: index === steps.length - 1 ? text : `(${text})` })
  }
  return parts[0]?.text ?? ''
}
