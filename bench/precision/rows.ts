import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { LogProbabilityGap } from './log-probabilities.ts'
import { mean, type Plan } from './plan.ts'
import { referenceOf } from './sides.ts'

/** One training run. */
export interface Row {
  readonly config: string
  readonly seed: number
  readonly side: string
  readonly steps: number
  readonly threads: number
  /** Instruction set of the kernels, or what else computed. */
  readonly path: string
  /** Nats a byte of each step. */
  readonly losses: readonly number[]
  /** Under the trained weights, where the side is f32 on the weights of the seed. */
  readonly gap?: LogProbabilityGap
}

export type RowKey = Pick<Row, 'config' | 'seed' | 'side' | 'steps' | 'threads'>

const keyOf = ({ config, seed, side, steps, threads }: RowKey) => JSON.stringify([config, seed, side, steps, threads])

/** Rows of finished runs, kept as JSON lines where a file is named, so that a run that was cut goes on. */
export class Rows {
  private readonly path: string
  private readonly rows = new Map<string, Row>()

  constructor(path: string) {
    this.path = path
    if (!path || !existsSync(path)) return
    for (const line of readFileSync(path, 'utf8').split('\n').filter(Boolean)) {
      const row = JSON.parse(line) as Row
      this.rows.set(keyOf(row), row)
    }
  }

  get(key: RowKey): Row | undefined {
    return this.rows.get(keyOf(key))
  }

  add(row: Row): void {
    this.rows.set(keyOf(row), row)
    if (this.path) appendFileSync(this.path, `${JSON.stringify(row)}\n`)
  }
}

/** The lines of the table: each side beside its f32 of the same configuration and seed. */
export function tableOf(rows: readonly Row[], { steps, last }: Plan): string[] {
  const lossOf = (row: Row) => mean(row.losses.slice(-last))
  const sides = rows.map((row) => {
    const reference = rows.find(
      ({ config, seed, side }) => config === row.config && seed === row.seed && side === referenceOf(row.side),
    )
    const relative = reference && reference !== row ? percent(lossOf(row) / lossOf(reference) - 1) : ''
    const gap = row.gap
      ? [row.gap.mean.toFixed(4), row.gap.max.toFixed(3), row.gap.bias.toExponential(1)]
      : ['', '', '']
    return [row.config, String(row.seed), row.side, lossOf(row).toFixed(5), relative, ...gap, row.path]
  })
  const head = ['config', 'seed', 'side', 'loss', '/ f32 − 1', 'mean |Δ log p|', 'largest', 'mean Δ', 'path']
  return [
    `Mean loss of steps ${steps - last + 1} to ${steps} in nats a byte; Δ log p is bf16 − f32 under f32's weights.`,
    '',
    ...[head, head.map(() => '---'), ...sides].map((cells) => `| ${cells.join(' | ')} |`),
  ]
}

const percent = (share: number): string => `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(2)} %`
