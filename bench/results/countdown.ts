/*
 * Puts the tables and charts of docs/results/countdown.md in their places, from the folders of the runs that the page names:
 *   npm run results:countdown -- [--runs runs]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Interval } from '../../src/evaluate/index.ts'
import { lineCharts, type Panel } from '../../src/rl/index.ts'
import { meanAndHalf } from '../experiments/interval.ts'
import { difference, type Measured, Run, summaryOf } from './read-run.ts'

const { values } = parseArgs({ options: { runs: { type: 'string', default: 'runs' } } })
const root = join(import.meta.dirname, '../..')
const page = join(root, 'docs/results/countdown.md')
const run = (name: string) => new Run(join(root, 'recipes', `${name}.yaml`), values.runs)
const [main, seeds, direct, student, product, productDirect] = [
  run('countdown'),
  run('countdown-seeds'),
  run('countdown-direct'),
  run('countdown-student'),
  run('multiplication'),
  run('multiplication-direct'),
]
const [three, four, products] = ['countdown-3', 'countdown-4', 'multiplication-3x3']

const points = (share: number) => (100 * share).toFixed(1)
const signed = (share: number) => `${share < 0 ? '−' : '+'}${points(Math.abs(share))}`
const within = ({ value, low, high }: Interval) => `${points(value)} (${points(low)} to ${points(high)})`
const change = ({ value, low, high }: Interval) => `${signed(value)} (${signed(low)} to ${signed(high)})`

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n')
}

const most = (byK: Readonly<Record<number, Interval>>): string => {
  const k = Math.max(...Object.keys(byK).map(Number))
  return Number.isFinite(k) ? `@${k}: ${within(byK[k] as Interval)}` : '–'
}

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
const stagesOf = main.measured()
const [thinking, rewarded, distilled] = [at(stagesOf, 0), at(stagesOf, 1), at(stagesOf, 2)]
const answering = at(direct.measured(), 0)
const [alone, aloneRewarded] = [at(student.measured(), 0), at(student.measured(), 1)]
const rewardedSeeds = [rewarded, ...seeds.measured()]
const [weak, weakRewarded] = [at(product.measured(), 0), at(product.measured(), 1)]
const productAnswering = at(productDirect.measured(), 0)

/** One line a seed in each chart. */
function charts(stage: readonly { seed: number; rows: Readonly<Record<string, unknown>>[] }[]): string {
  const shown: Readonly<Record<string, string>> = {
    solved: 'solved while learning, mean',
    passAtK: 'solved once in a group of 16',
    'heldOut.greedy': 'held-out problems, greedy',
    entropy: 'entropy, nats a token',
    length: 'length, tokens',
    zeroVariance: 'groups with equal rewards',
  }
  const panels: Panel[] = Object.entries(shown).map(([metric, title]) => ({
    title,
    series: stage.map(({ seed, rows }) => ({
      name: `seed ${seed}`,
      points: rows.flatMap((row) => {
        const [x, y] = [row.step, row[metric]]
        return typeof x === 'number' && typeof y === 'number' ? [[x, y] as const] : []
      }),
    })),
  }))
  return lineCharts(panels)
}

const gains = rewardedSeeds.map((measured) => difference(measured, thinking, four))
const { mean, half } = meanAndHalf(gains.map(({ value }) => value))
const blocks: Readonly<Record<string, string>> = {
  three: table(head, [
    ...stagesOf.map((measured) => rowOf(`after ${measured.after}`, measured, three)),
    rowOf('direct answers', answering, three),
  ]),
  four: table(head, [
    ...stagesOf.map((measured) => rowOf(`after ${measured.after}`, measured, four)),
    rowOf('direct answers', answering, four),
  ]),
  thinking: `Thinking against answers alone, four numbers: ${change(difference(thinking, answering, four))} points; three numbers: ${change(difference(thinking, answering, three))}.`,
  rewards: table(
    ['seed', 'before', 'after', 'gain, points', 'majority before', 'majority after'],
    [
      ...rewardedSeeds.map((measured, index) => [
        String(measured.seed),
        within(summaryOf(thinking, four).accuracy),
        within(summaryOf(measured, four).accuracy),
        change(gains[index] as Interval),
        most(summaryOf(thinking, four).majorityAt),
        most(summaryOf(measured, four).majorityAt),
      ]),
      ['mean of the seeds', '', '', `${signed(mean)} ± ${points(half)}`, '', ''],
    ],
  ),
  student: table(head, [
    rowOf('learnt from the teacher', distilled, four),
    rowOf('the same traces as the teacher had', alone, four),
    rowOf('these, then rewards', aloneRewarded, four),
  ]),
  quantised: table(
    ['against the student in bf16, points', 'three numbers', 'four numbers'],
    stagesOf
      .slice(3)
      .map((measured) => [
        measured.after,
        change(difference(measured, distilled, three)),
        change(difference(measured, distilled, four)),
      ]),
  ),
  minutes: table(
    ['stage', 'minutes'],
    main.minutes().map(({ name, minutes }) => [name, minutes.toFixed(1)]),
  ),
  products: `${table(head, [
    rowOf('direct answers', productAnswering, products),
    rowOf('after few traces', weak, products),
    rowOf('after rewards', weakRewarded, products),
  ])}

Thinking against answers alone: ${change(difference(weak, productAnswering, products))} points; rewards: ${change(difference(weakRewarded, weak, products))}.`,
}

let text = readFileSync(page, 'utf8')
for (const [name, block] of Object.entries(blocks)) {
  const place = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(\n<!-- end -->)`)
  if (!place.test(text)) throw new Error(`docs/results/countdown.md has no place for ${name}.`)
  text = text.replace(place, (_, begin: string, end: string) => begin + block + end)
}
writeFileSync(page, text)
const pictures = join(root, 'docs/results')
writeFileSync(join(pictures, 'countdown-rewards.svg'), charts([...main.metrics('grpo'), ...seeds.metrics('grpo')]))
writeFileSync(join(pictures, 'multiplication-rewards.svg'), charts(product.metrics('grpo')))
console.log(page)
