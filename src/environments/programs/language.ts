/** One operation on a list of whole numbers, some with a number of their own. */
interface Operation {
  readonly takesNumber: boolean
  apply(list: readonly number[], number: number): number[]
}

const plain = (apply: (list: readonly number[]) => number[]): Operation => ({ takesNumber: false, apply })
const withNumber = (apply: Operation['apply']): Operation => ({ takesNumber: true, apply })

/** The language: programs are operations joined by `|`, each of which turns a list into a list. */
export const operations: ReadonlyMap<string, Operation> = new Map([
  ['reverse', plain((list) => [...list].reverse())],
  ['sort', plain((list) => [...list].sort((left, right) => left - right))],
  ['unique', plain((list) => [...new Set(list)])],
  ['even', plain((list) => list.filter((value) => value % 2 === 0))],
  ['odd', plain((list) => list.filter((value) => value % 2 !== 0))],
  ['sum', plain((list) => [list.reduce((sum, value) => sum + value, 0)])],
  ['count', plain((list) => [list.length])],
  ['max', plain((list) => (list.length > 0 ? [list.reduce((most, value) => Math.max(most, value))] : []))],
  ['min', plain((list) => (list.length > 0 ? [list.reduce((least, value) => Math.min(least, value))] : []))],
  ['take', withNumber((list, number) => list.slice(0, number))],
  ['drop', withNumber((list, number) => list.slice(number))],
  ['add', withNumber((list, number) => list.map((value) => value + number))],
  ['times', withNumber((list, number) => list.map((value) => value * number))],
  ['above', withNumber((list, number) => list.filter((value) => value > number))],
  ['below', withNumber((list, number) => list.filter((value) => value < number))],
  ['repeat', withNumber((list, number) => Array.from({ length: number }, () => list).flat())],
])

/** One operation of a program. */
export interface Instruction {
  readonly name: string
  readonly number: number | undefined
}

export type Program = readonly Instruction[]

const longestProgram = 32

/** Reads `reverse | add 2`. @returns undefined for what is no program */
export function parseProgram(text: string): Program | undefined {
  if (text.length > 1000) return undefined
  const parts = text.trim().split('|')
  const program = parts.map(parseInstruction)
  return program.length <= longestProgram && program.every((one) => one !== undefined) ? program : undefined
}

function parseInstruction(text: string): Instruction | undefined {
  const [, name = '', number] = /^\s*([a-z]+)(?:\s+(-?\d{1,4}))?\s*$/.exec(text) ?? []
  const operation = operations.get(name)
  if (!operation || operation.takesNumber !== (number !== undefined)) return undefined
  return { name, number: number === undefined ? undefined : Number(number) }
}

export function programText(program: Program): string {
  return program.map(({ name, number }) => (number === undefined ? name : `${name} ${number}`)).join(' | ')
}

/** How much a run may do. */
export interface RunLimits {
  /** Most elements that all operations together read or write. */
  readonly steps: number
  /** Largest number without its sign. */
  readonly largest: number
}

const usualLimits: RunLimits = { steps: 10_000, largest: 1e9 }

/** What a run gave, or why it was ended. */
export type RunResult =
  | { readonly list: readonly number[]; readonly failure?: undefined }
  | { readonly list?: undefined; readonly failure: 'too many steps' | 'too large a number' }

/** Runs a program on a list. */
export function runProgram(program: Program, input: readonly number[], limits: RunLimits = usualLimits): RunResult {
  let list = input
  let steps = 0
  for (const { name, number = 0 } of program) {
    // What `repeat` will write is counted before it does.
    steps += list.length + (name === 'repeat' ? list.length * Math.max(number, 0) : 0)
    if (steps > limits.steps) return { failure: 'too many steps' }
    list = operations.get(name)?.apply(list, name === 'repeat' ? Math.max(number, 0) : number) ?? []
    if (list.some((value) => Math.abs(value) > limits.largest)) return { failure: 'too large a number' }
  }
  return { list }
}
