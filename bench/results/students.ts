import type { Sample } from '../../src/evaluate/index.ts'
import { overSeeds, points, signed, table } from './format.ts'
import { difference, type Measured, summaryOf } from './read-run.ts'

/** Ways to teach a student, in the order of the evaluations of a seed. */
const ways = [
  'verified samples of the teacher',
  'fresh traces',
  'these, then rewards',
  'these, then own texts judged by the teacher',
  'and rewards after that',
] as const

/** What each way reached with one seed. */
export type Student = readonly Measured[]

/** Evaluations that follow one another, cut into those of each seed. */
export function studentsOf(measured: readonly Measured[]): Student[] {
  return Array.from({ length: measured.length / ways.length }, (_, seed) =>
    measured.slice(seed * ways.length, (seed + 1) * ways.length),
  )
}

/** Tables over seeds and what the ways are worth, for each task. */
export function describeStudents(students: readonly Student[], tasks: readonly string[]): string {
  const stages = tasks.flatMap((task) => [tableOf(students, task), gains(students, task)])
  return [...stages, searches(students, tasks[0] as string)].join('\n\n')
}

const reached = (students: readonly Student[], way: number): Measured[] =>
  students.map((student) => student[way] as Measured)

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

function tableOf(students: readonly Student[], task: string): string {
  const name = students.length > 1 ? `${task}, ${students.length} seeds` : task
  return table(
    [name, 'right at T = 1', 'each seed', 'majority@4', 'pass@4', 'tokens a text', 'cut, %'],
    ways.map((way, index) => {
      const found = reached(students, index).map((measured) => summaryOf(measured, task))
      const right = found.map(({ accuracy }) => accuracy.value)
      return [
        way,
        overSeeds(right),
        right.map(points).join(', '),
        overSeeds(found.map(({ majorityAt }) => majorityAt[4]?.value ?? Number.NaN)),
        overSeeds(found.map(({ passAt }) => passAt[4]?.value ?? Number.NaN)),
        meanOf(found.map(({ length }) => length)).toFixed(0),
        points(meanOf(found.map(({ truncated }) => truncated))),
      ]
    }),
  )
}

/** What ways are worth against others, in pairs of one seed. */
function gains(students: readonly Student[], task: string): string {
  const gain = (after: number, before: number) => {
    const pairs = students.map((student) => [student[after], student[before]] as [Measured, Measured])
    return overSeeds(
      pairs.map(([is, was]) => difference(is, was, task).value),
      signed,
    )
  }
  return [
    `Rewards after traces ${gain(2, 1)} points, the teacher's word after traces ${gain(3, 1)}; that word against rewards ${gain(3, 2)},`,
    `and against samples ${gain(3, 0)}; rewards after it ${gain(4, 3)}.`,
  ].join('\n')
}

/** Whether a text goes through a line of its search a second time. */
function repeats({ completion }: Sample): boolean {
  const lines = completion.split('\n').slice(0, -1)
  const searched = lines.map((line) => line.replace('<think>', '').trim()).filter((line) => line.length > 8)
  return new Set(searched).size < searched.length
}

/** Where texts go that have missed a solution. */
function searches(students: readonly Student[], task: string): string {
  const again = (way: number, among: (sample: Sample) => boolean) => {
    const texts = reached(students, way).flatMap(({ tasks }) => (tasks.get(task) ?? []).filter(among))
    return `${((100 * texts.filter(repeats).length) / texts.length).toFixed(0)} %`
  }
  const isCut = ({ finish }: Sample) => finish === 'length'
  const isRight = ({ correct }: Sample) => correct
  return [
    `After the teacher's word ${again(3, isCut)} of the cut texts (${task}) go through a line of their search again, and ${again(3, isRight)} of the`,
    `right ones (${again(1, isRight)} after traces alone).`,
  ].join('\n')
}
