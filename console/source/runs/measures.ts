import type { MetricsRow } from '../api/types.ts'
import type { Series } from '../plot/series.ts'

/** What counts the way, and is not measured on it. */
const counters = new Set(['step', 'steps', 'tokens', 'totalTokens', 'epoch', 'time', 'seed'])

/** What is looked at first, in this order; everything else follows by name. */
const first = [
  'loss',
  'evaluated',
  'heldOut.loss',
  'reward',
  'accuracy',
  'entropy',
  'length',
  'kl',
  'norm',
  'rate',
  'milliseconds',
]

/** The names of what a stage measures. */
export function measuresOf(rows: readonly MetricsRow[]): string[] {
  const names = new Set<string>()
  for (const row of rows)
    for (const [name, value] of Object.entries(row))
      if (typeof value === 'number' && !counters.has(name)) names.add(name)
  const rank = (name: string) => (first.includes(name) ? first.indexOf(name) : first.length)
  return [...names].sort((one, other) => rank(one) - rank(other) || one.localeCompare(other))
}

/** One measure over the steps; rows without it, or with no finite number, are left out. */
export function seriesOf(rows: readonly MetricsRow[], name: string, label: string): Series {
  const x: number[] = []
  const y: number[] = []
  for (const row of rows) {
    const step = row.step
    const value = row[name]
    if (typeof step !== 'number' || typeof value !== 'number' || !Number.isFinite(value)) continue
    // A run that was resumed writes some steps again: the later row holds.
    while (x.length > 0 && (x.at(-1) ?? 0) >= step) {
      x.pop()
      y.pop()
    }
    x.push(step)
    y.push(value)
  }
  return { label, x, y }
}
