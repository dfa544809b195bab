import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lineCharts, type Panel } from '../plot/line-chart.ts'

/** What is drawn: a title, and the metrics of each chart with the name that the reader sees. */
const charts: readonly { readonly title: string; readonly lines: Readonly<Record<string, string>>; share?: boolean }[] =
  [
    { title: 'reward', lines: { reward: 'reward', 'reward.true': 'true reward' } },
    { title: 'solved', lines: { solved: 'mean', passAtK: 'once in a group' }, share: true },
    {
      title: 'held-out problems',
      lines: { 'heldOut.greedy': 'greedy', 'heldOut.passAt1': 'pass@1', 'heldOut.passAtK': 'pass@k' },
      share: true,
    },
    { title: 'entropy, nats a token', lines: { entropy: 'entropy' } },
    { title: 'length, tokens', lines: { length: 'mean' } },
    { title: 'groups with equal rewards', lines: { zeroVariance: 'share' }, share: true },
    { title: 'distance to the reference, nats', lines: { kl: 'KL', rewardKl: 'KL' } },
    { title: 'engine against trainer, nats', lines: { mismatch: 'mean |Δ ln p|' } },
    { title: 'clipped tokens', lines: { clipped: 'share' } },
  ]

type Row = Readonly<Record<string, unknown>>

/** The charts of a run, from the rows of its `metrics.jsonl`. */
export function panelsOf(rows: readonly Row[]): Panel[] {
  return charts.map(({ title, lines, share }) => ({
    title,
    series: Object.entries(lines).map(([metric, name]) => ({
      name,
      points: rows.flatMap((row) => {
        const [x, y] = [row.step, row[metric]]
        return typeof x === 'number' && typeof y === 'number' ? [[x, y] as const] : []
      }),
    })),
    ...(share && { range: [0, 1] as const }),
  }))
}

/** Draws `curves.svg` beside a stage's metrics. */
export async function writePlots(folder: string): Promise<void> {
  const text = await readFile(join(folder, 'metrics.jsonl'), 'utf8')
  const rows = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row)
  await writeFile(join(folder, 'curves.svg'), lineCharts(panelsOf(rows)))
}
