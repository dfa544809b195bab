import type { Fixture } from './fixture.ts'

/** What the conformance test finds out about one fixture; numbers are largest differences. */
export interface Row {
  readonly fixture: Fixture
  /** Logits against the reference; hidden states of an encoder. */
  logits: number
  /** Whether the greedy continuation over the cache equals the reference's. */
  greedy?: boolean
  /** Padding on the left against padding on the right. */
  padding?: number
  /** Logits over a cache against those of whole rows. */
  cache?: number
  /** Rows side by side against each row alone. */
  batch: number
  /** Gradients of the loss against the reference's, relative. */
  gradient?: number
}

const head = [
  'family',
  'configuration',
  'max Δ logit',
  'greedy, 64 steps',
  'Δ padding',
  'Δ cache',
  'Δ batch',
  'Δ gradient',
]

/** One digit and the power of ten; nothing where it was not measured. */
function rounded(value: number | undefined): string {
  return value === undefined ? '–' : value === 0 ? '0' : value.toExponential(0)
}

const verdict = (equal: boolean | undefined): string => (equal === undefined ? '–' : equal ? 'equal' : 'DIFFERENT')

/** The conformance table in Markdown. */
export function conformanceTable(rows: readonly Row[]): string {
  const cells = rows.map(({ fixture, logits, greedy, padding, cache, batch, gradient }) => [
    `\`${fixture.family}\``,
    `${fixture.variant}: ${fixture.notes}`,
    rounded(logits),
    verdict(greedy),
    ...[padding, cache, batch, gradient].map(rounded),
  ])
  return [head, head.map(() => '---'), ...cells].map((line) => `| ${line.join(' | ')} |`).join('\n')
}

/** The table without its numbers, which differ a little from machine to machine. */
export function withoutNumbers(table: string): string {
  return table.replaceAll(/ (\de-\d+|0) (?=\|)/g, ' # ')
}
