import { styleText } from 'node:util'
import type { Examination } from './examine.ts'
import type { Finding, Status } from './finding.ts'
import { type Capacity, formats, inParameters } from './fits.ts'

const marks: Record<Status, readonly [mark: string, colour: 'green' | 'yellow' | 'red']> = {
  good: ['✔', 'green'],
  notice: ['!', 'yellow'],
  problem: ['✘', 'red'],
}

/** Lays an examination out for people: one line a finding, what to do below it, then a table of what fits. */
export function formatExamination({ version, ok, findings, capacities }: Examination): string {
  const width = Math.max(...Object.keys(findings).map((topic) => topic.length))
  return [
    paint('bold', `deepseek-r1 ${version}`),
    '',
    ...Object.entries(findings).flatMap(([topic, finding]) => findingLines(topic, width, finding)),
    '',
    ...capacityLines(capacities),
    '',
    ok ? 'All that is needed is here.' : paint('red', 'Something is in the way: see the lines marked ✘.'),
  ].join('\n')
}

function findingLines(topic: string, width: number, { status, summary, remedy }: Finding): string[] {
  const [mark, colour] = marks[status]
  const line = `${paint(colour, mark)} ${topic.padEnd(width)}  ${summary}`
  return remedy === undefined ? [line] : [line, `  ${' '.repeat(width)}  ${paint(colour, '→')} ${remedy}`]
}

function capacityLines(capacities: readonly Capacity[]): string[] {
  const name = Math.max(...capacities.map(({ use }) => use.length))
  const row = (title: string, cells: readonly string[], meaning: string) =>
    `  ${title.padEnd(name)}${cells.map((cell) => cell.padStart(9)).join('')}   ${paint('dim', meaning)}`.trimEnd()
  return [
    paint('bold', 'Largest model that fits, in parameters (an estimate; long sequences and large batches take more)'),
    row('', formats, ''),
    ...capacities.map(({ use, meaning, parameters }) =>
      row(
        use,
        formats.map((format) => parameters[format]).map((count) => (count === null ? '–' : inParameters(count))),
        meaning,
      ),
    ),
  ]
}

/** Colours text for standard output; plain where that is no terminal or NO_COLOR is set. */
function paint(style: 'bold' | 'dim' | 'green' | 'yellow' | 'red', text: string): string {
  return styleText(style, text, { stream: process.stdout })
}
