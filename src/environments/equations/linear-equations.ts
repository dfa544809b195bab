import { z } from 'zod'
import { extractBoxed } from '../../text/index.ts'
import { partsOf } from '../completion.ts'
import { generated, thinkingDescription } from '../generated.ts'
import { rationalText } from '../rational.ts'
import { shipped } from '../shipped.ts'
import { type Wordings, wordingShape } from '../wording.ts'
import { type Equation, parseEquation, parseSolution, sameSolution, solutionValue, solve } from './equation.ts'
import { drawEquation, type EquationProblem, equationKinds } from './problem.ts'

const options = z.strictObject({
  kinds: z
    .array(z.enum(equationKinds))
    .min(1)
    .default([...equationKinds])
    .describe('Kinds of equations, from easy to hard.'),
  largestFactor: z.int().min(3).max(99).default(9).describe('Factors of the unknown lie up to it.'),
  largestSolution: z
    .int()
    .min(1)
    .max(999)
    .default(20)
    .describe('Solutions are whole numbers up to it, also below zero.'),
  process: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('Part of the reward that is the share of right steps; the rest is the answer.'),
  thinking: z.boolean().default(true).describe(thinkingDescription),
  ...wordingShape,
})

/** What a reward needs to know of a problem. */
export interface EquationData {
  readonly equation: string
}

const wordings: Wordings<EquationProblem> = {
  en: {
    texts: [({ key }) => `Solve ${key} for x.`, ({ key }) => `Solve ${key}.`, ({ key }) => `What is x if ${key}?`],
    instruction: 'Write one equation on each line of your working, then give the value of x within \\boxed{}.',
  },
  zh: {
    texts: [({ key }) => `解方程${key}。`, ({ key }) => `已知${key},求x。`],
    instruction: '每行写一个等式,逐步求解,然后把x的值放在\\boxed{}中。',
  },
}

/** What can be said of a solved equation. */
export interface CheckedSolution {
  readonly correct: boolean
  /** How many equations the working has, and how many of them follow from the one before. */
  readonly steps: number
  readonly validSteps: number
  /** Whether the answer is what the working arrived at. */
  readonly consistent: boolean
  /** The value of the answer as a fraction. */
  readonly answer: string | undefined
}

/** Checks answer and working of a completion. @param problem the equation */
export function checkSolution(completion: string, problem: Equation): CheckedSolution {
  const { thought, answer = '' } = partsOf(completion)
  const working = parseSolution(problem, thought ?? answer)
  const value = solutionValue(extractBoxed(answer) ?? answer)
  return {
    correct: value !== undefined && sameSolution(value, solve(problem)),
    steps: working.steps.length,
    validSteps: working.steps.filter(({ valid }) => valid).length,
    consistent: value !== undefined && working.value !== undefined && sameSolution(value, working.value),
    answer: value && rationalText(value),
  }
}

/** Equations of one unknown, each line of the working checked. */
export const linearEquations = shipped({
  name: 'linear-equations',
  summary: 'Linear equations; each line of the working is checked as a transformation of the one before.',
  options,
  create: (settings) =>
    generated<EquationProblem, EquationData>({
      name: 'linear-equations',
      draw: (random) => drawEquation(random, settings),
      wordings,
      wording: settings,
      thinking: settings.thinking,
      dataOf: ({ key }) => ({ equation: key }),
      solve: ({ lines, solution }) => ({ thought: lines.join('\n'), answer: `x=${solution}` }),
      reward({ completion, example }) {
        const checked = checkSolution(completion, parseEquation(example.equation) as Equation)
        const correct = Number(checked.correct)
        const share = checked.steps === 0 ? 0 : checked.validSteps / checked.steps
        const weight = settings.thinking ? settings.process : 0
        return {
          reward: (1 - weight) * correct + weight * share,
          parts: { correct, process: share, steps: checked.steps, wrongSteps: checked.steps - checked.validSteps },
          // Known without the answer: every step follows, and the answer is where they lead.
          verified: share + Number(checked.consistent && checked.steps > 0),
          ...(checked.answer !== undefined && { answer: checked.answer }),
        }
      },
    }),
})
