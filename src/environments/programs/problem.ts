import { pick, type Uniform, whole } from '../random.ts'
import { type Instruction, operations, type Program, programText, runProgram } from './language.ts'

/** A list and what a program makes of it. */
export interface Case {
  readonly input: readonly number[]
  readonly output: readonly number[]
}

/** What an unknown program does to some lists; it is to be found. */
export interface ProgramProblem {
  /** The program, so that one program is in one split with whatever lists. */
  readonly key: string
  readonly program: Program
  /** What is shown. */
  readonly shown: readonly Case[]
  /** What is tried besides. */
  readonly hidden: readonly Case[]
}

export interface ProgramLimits {
  /** Most operations of a program. */
  readonly length: number
  readonly shown: number
  readonly hidden: number
}

// `repeat` and the ends that throw much away make poor puzzles, but programs may use them.
const drawn = [...operations.keys()].filter((name) => name !== 'repeat')

export function drawInstruction(random: Uniform): Instruction {
  const name = pick(random, drawn)
  if (!operations.get(name)?.takesNumber) return { name, number: undefined }
  const [least, most] = name === 'take' || name === 'drop' ? [1, 4] : name === 'times' ? [2, 5] : [1, 9]
  return { name, number: whole(random, least, most) }
}

const drawList = (random: Uniform): number[] => Array.from({ length: whole(random, 4, 7) }, () => whole(random, 0, 12))

/** Draws a problem. @returns undefined where the program says too little of itself */
export function drawProgramProblem(
  random: Uniform,
  { length, shown, hidden }: ProgramLimits,
): ProgramProblem | undefined {
  const program = Array.from({ length: whole(random, 1, length) }, () => drawInstruction(random))
  const cases = Array.from({ length: shown + hidden }, (): Case => {
    const input = drawList(random)
    return { input, output: runProgram(program, input).list ?? [] }
  })
  // Each operation must matter, and no output may be empty on all that is shown.
  const needed = program.every((_, place) => !explains(program.toSpliced(place, 1), cases))
  if (!needed || cases.slice(0, shown).every(({ output }) => output.length === 0)) return undefined
  return { key: programText(program), program, shown: cases.slice(0, shown), hidden: cases.slice(shown) }
}

/** Whether a program does to every list what it should. */
export function explains(program: Program, cases: readonly Case[]): boolean {
  return cases.every(({ input, output }) => {
    const { list } = runProgram(program, input)
    return list !== undefined && listText(list) === listText(output)
  })
}

/** `3 1 2`; `-` for a list of nothing. */
export function listText(list: readonly number[]): string {
  return list.length === 0 ? '-' : list.join(' ')
}
