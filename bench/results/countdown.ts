/*
 * Puts the tables and charts of docs/results/countdown.md in their places, from the folders of the runs that the page names:
 *   npm run results:countdown -- [--runs runs]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Interval } from '../../src/evaluate/index.ts'
import { lineCharts, type Panel } from '../../src/rl/index.ts'
import { change, overSeeds, points, signed, table, within } from './format.ts'
import { difference, type Measured, Run, summaryOf } from './read-run.ts'
import { describeStudents, studentsOf } from './students.ts'

const { values } = parseArgs({ options: { runs: { type: 'string', default: 'runs' } } })
const root = join(import.meta.dirname, '../..')
const page = join(root, 'docs/results/countdown.md')
const run = (name: string) => new Run(join(root, 'recipes', `${name}.yaml`), values.runs)
const [main, seeds, direct, student, studentSeeds, product, productDirect] = [
  run('countdown'),
  run('countdown-seeds'),
  run('countdown-direct'),
  run('countdown-student'),
  run('countdown-student-seeds'),
  run('multiplication'),
  run('multiplication-direct'),
]

type ByCount = Readonly<Record<number, Interval>>
const counts = (byK: ByCount) => Object.keys(byK).map(Number)

const atMost = (byK: ByCount, most: number): string => {
  const k = Math.max(...counts(byK).filter((count) => count <= most))
  return Number.isFinite(k) ? `@${k}: ${within(byK[k] as Interval)}` : '–'
}
const most = (byK: ByCount): string => atMost(byK, Number.POSITIVE_INFINITY)

function rowOf(name: string, measured: Measured, task: string): string[] {
  const { accuracy, majorityAt, verifierBestAt, passAt, length, truncated } = summaryOf(measured, task)
  return [
    name,
    within(accuracy),
    most(majorityAt),
    most(verifierBestAt),
    most(passAt),
    length.toFixed(0),
    `${points(truncated)}`,
  ]
}
const head = ['', 'right at T = 1', 'majority', 'best by the checker', 'pass', 'tokens a text', 'cut, %']

const at = (measured: readonly Measured[], index: number) => measured[index] as Measured

/** Steps of a mean in the charts: a step has few questions. */
const together = 6

/** One line a seed in each chart. @param group completions of a question */
function charts(stage: readonly { seed: number; rows: Readonly<Record<string, unknown>>[] }[], group: number): string {
  const shown: Readonly<Record<string, string>> = {
    solved: 'solved while learning',
    passAtK: `solved once in a group of ${group}`,
    'heldOut.greedy': 'held-out problems, greedy',
    entropy: 'entropy, nats a token',
    length: 'length, tokens',
    zeroVariance: 'groups with equal rewards',
  }
  const panels: Panel[] = Object.entries(shown).map(([metric, title]) => {
    const isMeasured = metric.startsWith('heldOut')
    return {
      title: isMeasured ? title : `${title}, means of ${together} steps`,
      series: stage.map(({ seed, rows }) => {
        const points = rows.flatMap((row) => {
          const [x, y] = [row.step, row[metric]]
          return typeof x === 'number' && typeof y === 'number' ? [[x, y] as const] : []
        })
        return { name: `seed ${seed}`, points: isMeasured ? points : means(points) }
      }),
    }
  })
  return lineCharts(panels)
}

/** Means over the last so many steps, as soon as there are so many. */
function means(points: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  return points.slice(together - 1).map(([x], at) => {
    const some = points.slice(at, at + together)
    return [x, some.reduce((sum, [, y]) => sum + y, 0) / together] as const
  })
}

const three = 'countdown-3'
const four = 'countdown-4'
const products = 'multiplication-3x3'

/** After each stage of the recipe; answers without thinking below, where that recipe was run. */
function stagesOn(task: string): string {
  return table(head, [
    ...main.measured().map((measured) => rowOf(`after ${measured.after}`, measured, task)),
    ...direct.measured().map((measured) => rowOf('direct answers', measured, task)),
  ])
}

function thinking(): string {
  const [traces, answering] = [at(main.measured(), 0), at(direct.measured(), 0)]
  const [onFour, onThree] = [four, three].map((task) => change(difference(traces, answering, task)))
  return `Thinking against answers alone, four numbers: ${onFour} points; three numbers: ${onThree}.`
}

/** Of as many samples before as after. */
function majorities(before: ByCount, after: ByCount): string[] {
  const both = Math.max(...counts(before).filter((count) => counts(after).includes(count)))
  return [before, after].map((byK) => atMost(byK, both))
}

/** The stages of rewards that are done. */
const rewardStages = () => [...main.metrics('grpo'), ...(seeds.isDone ? seeds.metrics('grpo') : [])]

/** What a guard ended early, in words. */
function stopped(runs: readonly { rows: readonly Readonly<Record<string, unknown>>[] }[], name: string): string {
  const last = runs.flatMap(({ rows }) => rows).find(({ stopped }) => stopped !== undefined)
  return last ? `${name} was stopped after ${last.step} steps: ${last.stopped}.` : ''
}

function rewards(): string {
  const before = at(main.measured(), 0)
  const after = [at(main.measured(), 1), ...(seeds.isDone ? seeds.measured() : [])]
  const rows = [three, four].flatMap((task) => {
    const gains = after.map((measured) => difference(measured, before, task))
    const values = gains.map(({ value }) => value)
    return [
      ...after.map((measured, index) => {
        const [was, is] = [before, measured].map((one) => summaryOf(one, task))
        return [
          `${task}, seed ${measured.seed}`,
          ...[was, is].map((summary) => within(summary?.accuracy as Interval)),
          change(gains[index] as Interval),
          ...majorities(was?.majorityAt ?? {}, is?.majorityAt ?? {}),
        ]
      }),
      ...(after.length > 1
        ? [[`${task}, mean of ${after.length} seeds`, '', '', overSeeds(values, signed), '', '']]
        : []),
    ]
  })
  const gains = table(['', 'before', 'after', 'gain, points', 'majority before', 'majority after'], rows)
  return [gains, ...rewardStages().map((stage) => stopped([stage], `Seed ${stage.seed}`))].filter(Boolean).join('\n\n')
}

function students(): string {
  const first = [at(main.measured(), 2), ...student.measured()]
  const others = studentSeeds.isDone ? studentsOf(studentSeeds.measured()) : []
  return describeStudents([first, ...others], [three, four])
}

function quantised(): string {
  const [distilled, ...rest] = main.measured().slice(2) as [Measured, ...Measured[]]
  return table(
    ['against the student in bf16, points', 'three numbers', 'four numbers'],
    rest.map((measured) => [
      measured.after,
      change(difference(measured, distilled, three)),
      change(difference(measured, distilled, four)),
    ]),
  )
}

function multiplication(): string {
  const [traces, weak, rewarded] = product.measured() as [Measured, Measured, Measured]
  const answering = at(productDirect.measured(), 0)
  const rows = [
    rowOf('direct answers', answering, products),
    rowOf('after traces', traces, products),
    rowOf('after few traces', weak, products),
    rowOf('these, then rewards', rewarded, products),
  ]
  return `${table(head, rows)}

Thinking against answers alone: ${change(difference(traces, answering, products))} points; rewards after few traces: ${change(difference(rewarded, weak, products))}.`
}

function minutes(): string {
  return table(
    ['stage', 'minutes of steps'],
    main.minutes().map(({ name, minutes: spent }) => [name, spent.toFixed(1)]),
  )
}

/** What each place of the page shows, and the runs that it is made of. */
const blocks: Readonly<Record<string, readonly [block: () => string, ...runs: readonly Run[]]>> = {
  three: [() => stagesOn(three), main, direct],
  four: [() => stagesOn(four), main, direct],
  thinking: [thinking, main, direct],
  rewards: [rewards, main],
  student: [students, main, student],
  quantised: [quantised, main],
  minutes: [minutes, main],
  products: [multiplication, product, productDirect],
}

let text = readFileSync(page, 'utf8')
for (const [name, [block, ...runs]] of Object.entries(blocks)) {
  const place = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(\n<!-- end -->)`)
  if (!place.test(text)) throw new Error(`docs/results/countdown.md has no place for ${name}.`)
  const missing = runs.filter(({ isDone }) => !isDone).map(({ name: run }) => run)
  if (missing.length > 0) console.log(`${name} stays as it is: ${missing.join(', ')} is not done.`)
  else text = text.replace(place, (_, begin: string, end: string) => `${begin}\n${block()}\n${end}`)
}
writeFileSync(page, text)
const pictures = join(root, 'docs/results')
writeFileSync(join(pictures, 'countdown-rewards.svg'), charts(rewardStages(), 16))
if (product.isDone) writeFileSync(join(pictures, 'multiplication-rewards.svg'), charts(product.metrics('grpo'), 8))
console.log(page)
