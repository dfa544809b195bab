import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Column, Experiment, Row } from './experiment.ts'
import { meanAndHalf } from './interval.ts'

const folder = join(import.meta.dirname, '../../docs/results')

const howMade = `Every table is written by its script, which goes on
where it was cut (\`--fresh\` begins anew, \`--seeds 1,2,3\` and \`--threads 1\` are what it takes without options). A cell is the
mean over the seeds ± the half of its 95 % interval (Student's t); with one seed there is no interval.
`

/** The pages of results and how they begin. */
const pages = {
  stages: `# What each stage of training does

Small models, tasks that are real or can be checked, minutes each. ${howMade}`,
  reasoning: `# Learning from rewards, and checking one's own steps

Small models and problems whose answers a program checks, minutes a seed on one thread. ${howMade}`,
} as const

export type PageName = keyof typeof pages

/** Mean and half of the 95 % interval. */
function cell(values: readonly number[], { digits }: Column): string {
  if (values.length === 0) return '–'
  const { mean, half } = meanAndHalf(values)
  const text = mean.toFixed(digits).replace('-', '−')
  return values.length === 1 ? text : `${text} ± ${half.toFixed(digits)}`
}

function tableOf({ columns, arms }: Experiment, rows: readonly Row[]): string {
  const keys = Object.keys(columns)
  const titles = keys.map((key) => (columns[key] as Column).title)
  const lines = arms.map((arm) => {
    const mine = rows.filter((row) => row.arm === arm)
    const cells = keys.map((key) => {
      const values = mine.flatMap((row) => (row.values[key] === undefined ? [] : [row.values[key]]))
      return cell(values, columns[key] as Column)
    })
    return `| ${[arm, ...cells].join(' | ')} |`
  })
  return [`| | ${titles.join(' | ')} |`, `|---|${keys.map(() => '---').join('|')}|`, ...lines].join('\n')
}

/** Differences between rows of equal seeds. */
function differencesOf({ columns, pairs = [] }: Experiment, rows: readonly Row[]): string {
  const keys = Object.keys(columns)
  const lines = pairs.map(([arm, against]) => {
    const cells = keys.map((key) => {
      const differences = rows.flatMap((row) => {
        const other = rows.find(({ seed, arm: name }) => seed === row.seed && name === against)?.values[key]
        const own = row.values[key]
        return row.arm !== arm || own === undefined || other === undefined ? [] : [own - other]
      })
      const text = cell(differences, columns[key] as Column)
      return text.startsWith('−') || text === '–' ? text : `+${text}`
    })
    return `| ${[`${arm}, against ${against}`, ...cells].join(' | ')} |`
  })
  if (lines.length === 0) return ''
  const titles = keys.map((key) => (columns[key] as Column).title)
  return `\n\nDifferences, seed by seed:\n\n| | ${titles.join(' | ')} |\n|---|${keys.map(() => '---').join('|')}|\n${lines.join('\n')}`
}

/** Puts an experiment's section into its page. @param drawn what stands below the table @returns the section */
export function writeSection(experiment: Experiment, rows: readonly Row[], drawn = ''): string {
  const { name, title, description, page = 'stages' } = experiment
  const path = join(folder, `${page}.md`)
  const seeds = [...new Set(rows.map(({ seed }) => seed))].sort()
  const section = `## ${title}

\`npm run experiment:${name}\`

${description}

${tableOf(experiment, rows)}${differencesOf(experiment, rows)}
${drawn && `\n${drawn}\n`}
Seeds: ${seeds.join(', ')}.
`
  const text = existsSync(path) ? readFileSync(path, 'utf8') : pages[page]
  const sections = text.split(/^(?=## )/m)
  const at = sections.findIndex((known) => known.startsWith(`## ${title}\n`))
  if (at < 0) sections.push(section)
  else sections[at] = section
  const [first = pages[page], ...others] = sections
  writeFileSync(path, `${[first, ...others].map((part) => part.trim()).join('\n\n')}\n`)
  return section
}
