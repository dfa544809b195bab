import type { Interval } from '../../src/evaluate/index.ts'
import { meanAndHalf } from '../experiments/interval.ts'

/* Shares as per cent and points, with their intervals, as the pages of results show them. */

export const points = (share: number) => (100 * share).toFixed(1)
export const signed = (share: number) => `${share < 0 ? '−' : '+'}${points(Math.abs(share))}`
export const within = ({ value, low, high }: Interval) => `${points(value)} (${points(low)} to ${points(high)})`
export const change = ({ value, low, high }: Interval) => `${signed(value)} (${signed(low)} to ${signed(high)})`

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n')
}

/** Mean over seeds and half of its interval; the value alone of one seed. */
export function overSeeds(values: readonly number[], show = points): string {
  const { mean, half } = meanAndHalf(values)
  return values.length > 1 ? `${show(mean)} ± ${points(half)}` : show(mean)
}
