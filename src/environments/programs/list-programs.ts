import { z } from 'zod'
import { extractBoxed } from '../../text/index.ts'
import { partsOf } from '../completion.ts'
import { generated, thinkingDescription } from '../generated.ts'
import { type Uniform, whole } from '../random.ts'
import { shipped } from '../shipped.ts'
import { type Wordings, wordingShape } from '../wording.ts'
import { operations, type Program, parseProgram, programText, runProgram } from './language.ts'
import { type Case, drawInstruction, drawProgramProblem, explains, listText, type ProgramProblem } from './problem.ts'

const options = z.strictObject({
  length: z.int().min(1).max(4).default(2).describe('Most operations of a program.'),
  shown: z.int().min(1).max(8).default(3).describe('How many lists are shown with what becomes of them.'),
  hidden: z.int().min(1).max(32).default(5).describe('How many others the answer is tried on.'),
  attempts: z.int().min(1).max(50).default(4).describe('Most programs that a thought tries.'),
  thinking: z.boolean().default(true).describe(thinkingDescription),
  ...wordingShape,
})

/** What a reward needs to know of a problem. */
export interface ProgramData {
  readonly shown: readonly Case[]
  readonly hidden: readonly Case[]
}

const casesText = ({ shown }: ProgramProblem, arrow = ' -> ') =>
  shown.map(({ input, output }) => `${listText(input)}${arrow}${listText(output)}`).join('\n')

const vocabulary = [...operations].map(([name, { takesNumber }]) => (takesNumber ? `${name} n` : name)).join(', ')

const wordings: Wordings<ProgramProblem> = {
  en: {
    texts: [(problem) => `Which program does this?\n${casesText(problem)}`],
    instruction: `A program is operations joined by |, such as reverse | add 2. There are: ${vocabulary}. Think step by step, then give the program within \\boxed{}.`,
  },
  zh: {
    texts: [(problem) => `哪个程序能做到?\n${casesText(problem)}`],
    instruction: `程序由|连接的操作组成,例如reverse | add 2。可用的操作有:${vocabulary}。请逐步思考,然后把程序放在\\boxed{}中。`,
  },
}

/** The program that a completion answers with: in a box, or on the last line that holds one. */
export function programAnswer(completion: string): Program | undefined {
  const { answer = '' } = partsOf(completion)
  const lines = answer.slice(-4000).replaceAll('`', '').split('\n').reverse()
  for (const text of [extractBoxed(answer) ?? '', ...lines]) {
    const program = parseProgram(text)
    if (program) return program
  }
  return undefined
}

/** Tries some programs on what is shown, the right one last: each line says what a program makes of the first list it fails. */
function searchProgram({ program, shown }: ProgramProblem, attempts: number, random: Uniform): string {
  const lines: string[] = []
  for (let wrong = whole(random, 0, attempts - 1); wrong > 0; wrong--) {
    const tried = program.map((right) => (random() < 0.5 ? right : drawInstruction(random)))
    if (!explains(tried, shown)) lines.push(trial(tried, shown))
  }
  return [...new Set([...lines, trial(program, shown)])].join('\n')
}

function trial(program: Program, shown: readonly Case[]): string {
  const words = [`${programText(program)}:`]
  for (const { input, output } of shown) {
    const { list = [] } = runProgram(program, input)
    const right = listText(list) === listText(output)
    words.push(`${listText(list)} ${right ? 'yes' : 'no'}`)
    if (!right) break
  }
  return words.join(' ')
}

/** Programs to be found by what they do. */
export const listPrograms = shipped({
  name: 'list-programs',
  summary: 'Find a program by what it does to lists; the answer is run on lists that are not shown.',
  options,
  create: (settings) =>
    generated<ProgramProblem, ProgramData>({
      name: 'list-programs',
      draw: (random) => drawProgramProblem(random, settings),
      wordings,
      wording: settings,
      thinking: settings.thinking,
      dataOf: ({ shown, hidden }) => ({ shown, hidden }),
      solve: (problem, random) => ({
        thought: searchProgram(problem, settings.attempts, random),
        answer: programText(problem.program),
      }),
      reward({ completion, example: { shown, hidden } }) {
        const program = programAnswer(completion)
        const fits = program !== undefined && explains(program, shown)
        const correct = Number(fits && explains(program, hidden))
        return {
          reward: correct,
          parts: { correct, parsed: Number(program !== undefined), shown: Number(fits) },
          // Without the hidden lists a checker sees whether the shown ones fit.
          verified: Number(fits),
          ...(program !== undefined && { answer: programText(program) }),
        }
      },
    }),
})
