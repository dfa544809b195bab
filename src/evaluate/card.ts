import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { R1Error } from '../errors.ts'
import type { Interval } from './metrics/index.ts'
import type { TaskResult } from './tasks/index.ts'

/** `card.json` of a checkpoint folder: what its card measures and says. */
const cardSchema = z.strictObject({
  title: z.string(),
  /** Paragraphs before the table. */
  about: z.array(z.string()),
  /** Most problems of a task. */
  limit: z.int().positive(),
  tasks: z.array(z.strictObject({ title: z.string(), task: z.string(), example: z.string() })).min(1),
  /** Paragraphs after the table. */
  limits: z.array(z.string()),
})

export type Card = z.output<typeof cardSchema>

/** Reads the card of a checkpoint folder. @throws R1Error `no-card` */
export async function readCard(folder: string): Promise<Card> {
  try {
    return cardSchema.parse(JSON.parse(await readFile(join(folder, 'card.json'), 'utf8')))
  } catch (cause) {
    throw new R1Error('no-card', `${folder} has no card.json that says what to measure.`, {
      remedy: 'Give --tasks with names of tasks, or --perplexity with a text.',
      cause,
    })
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
const shown = ({ value, low, high }: Interval): string => `${percent(value)} | ${percent(low)} to ${percent(high)}`

/** The card as a page. @param results of the card's tasks, in its order */
export function cardPage({ title, about, tasks, limits }: Card, results: readonly TaskResult[]): string {
  const rows = tasks.map(({ title: name, example }, index) => {
    const { accuracy, examples } = results[index] as TaskResult
    return `| ${name} | ${example} | ${examples} | ${shown(accuracy)} |`
  })
  const table = ['| | for example | problems | right | 95 % interval |', '|---|---|---|---|---|', ...rows].join('\n')
  return [`# ${title}`, ...about, table, ...limits].join('\n\n')
}
