import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseRecipe, stageName } from '../../src/recipe/recipe.ts'
import { runRecipe } from '../../src/recipe/run.ts'
import { stages } from '../../src/recipe/stages.ts'
import type { StageResult } from '../../src/train/stages/stage.ts'
import { type PageName, writeSection } from './page.ts'

/** A column of an experiment's table. */
export interface Column {
  readonly title: string
  readonly digits: number
}

/** What is measured of one arm under one seed. */
export type Values = Readonly<Record<string, number>>

export interface Setting {
  readonly seed: number
  /** Where everything of this seed lies; relative paths of recipes begin here. */
  readonly folder: string
  readonly threads: number
}

/** Several ways of training, the same seeds for each, and what is measured of them. */
export interface Experiment {
  readonly name: string
  readonly title: string
  /** The page that its table is written into; `stages` without it. */
  readonly page?: PageName
  /** What is compared and how it is measured, for the page. */
  readonly description: string
  readonly columns: Readonly<Record<string, Column>>
  /** Names of the rows in their order. */
  readonly arms: readonly string[]
  /** Rows of which the difference to another is told, seed by seed: seeds differ more than what is compared often does. */
  readonly pairs?: readonly (readonly [arm: string, against: string])[]
  run(setting: Setting): AsyncGenerator<readonly [arm: string, values: Values], void, void>
  /** Draws what the table cannot say, from what lies in the folders of the seeds. @returns lines for the page */
  draw?(folders: readonly string[]): Promise<string>
}

export interface Row {
  readonly seed: number
  readonly arm: string
  readonly values: Values
}

const root = join(import.meta.dirname, '../../.cache/experiments')

/** Runs an experiment, or what is left of it, and writes its table into the page of results. */
export async function runExperiment(
  experiment: Experiment,
  { seeds, threads, fresh }: { seeds: readonly number[]; threads: number; fresh: boolean },
): Promise<void> {
  const folder = join(root, experiment.name)
  if (fresh) rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'rows.jsonl')
  const rows = readRows(file)
  for (const seed of seeds) {
    const known = (arm: string) => rows.some((row) => row.seed === seed && row.arm === arm)
    if (experiment.arms.every(known)) continue
    const seedFolder = join(folder, `seed-${seed}`)
    mkdirSync(seedFolder, { recursive: true })
    for await (const [arm, values] of experiment.run({ seed, folder: seedFolder, threads })) {
      console.log(`${experiment.name}, seed ${seed}, ${arm}: ${JSON.stringify(values)}`)
      if (known(arm)) continue
      rows.push({ seed, arm, values })
      appendFileSync(file, `${JSON.stringify({ seed, arm, values })}\n`)
    }
  }
  const measured = [...new Set(rows.map(({ seed }) => seed))].sort((left, right) => left - right)
  const drawn = await experiment.draw?.(measured.map((seed) => join(folder, `seed-${seed}`)))
  console.log(writeSection(experiment, rows, drawn))
}

function readRows(file: string): Row[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row)
}

/**
 * Runs the stages of a recipe inside an experiment. What an earlier run has done is taken from there.
 *
 * @param name of the run inside the setting's folder
 * @param body `model:` and `stages:` in YAML
 */
export async function runStages(
  { seed, folder, threads }: Setting,
  name: string,
  body: string,
): Promise<StageResult[]> {
  const path = join(folder, `${name}.yaml`)
  const text = `name: ${name}\nseed: ${seed}\n${body}`
  writeFileSync(path, text)
  const recipe = parseRecipe(text, path, stages)
  for await (const { name: stage } of runRecipe(recipe, { runs: folder, resume: true, threads })) {
    console.log(`  ${name} ${stage}`)
  }
  return recipe.stages.map(({ stage }, index) => {
    const place = join(folder, name, stageName(stage, index), 'run.json')
    return (JSON.parse(readFileSync(place, 'utf8')) as { result: StageResult }).result
  })
}

/** The checkpoint that the last stage wrote. */
export const lastCheckpoint = (results: readonly StageResult[]): string => (results.at(-1) as StageResult).checkpoint
