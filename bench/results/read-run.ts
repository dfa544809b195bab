import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bootstrapMean, type Interval, type Sample, type TaskSummary } from '../../src/evaluate/index.ts'
import { summarize } from '../../src/evaluate/tasks/summarize.ts'
import { parseRecipe, stageName } from '../../src/recipe/recipe.ts'
import { stages } from '../../src/recipe/stages.ts'

/** A stage `evaluate` of a run, and what it measured. */
export interface Measured {
  /** The stage whose checkpoint it is: `sft`, `grpo`; `model` before any. */
  readonly after: string
  /** The seed of that stage. */
  readonly seed: number
  readonly tasks: ReadonlyMap<string, readonly Sample[]>
}

type Row = Readonly<Record<string, unknown>>

const lines = (path: string): Row[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row)

/** A run in its folder, with the recipe that it is of. */
export class Run {
  private readonly recipe
  private readonly folder: string

  constructor(file: string, runs: string) {
    this.recipe = parseRecipe(readFileSync(file, 'utf8'), file, stages)
    this.folder = join(runs, this.recipe.name)
  }

  get name(): string {
    return this.recipe.name
  }

  /** Whether all its stages were done. */
  get isDone(): boolean {
    return this.recipe.stages.every(({ stage }, index) => {
      const file = join(this.folder, stageName(stage, index), 'run.json')
      return existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { status: string }).status === 'done'
    })
  }

  /** All stages `evaluate` in their order. */
  measured(): Measured[] {
    const found: Measured[] = []
    let before: { after: string; seed: number } = { after: 'model', seed: this.recipe.seed }
    this.recipe.stages.forEach(({ stage, seed, options }, index) => {
      if (stage.name !== 'evaluate') {
        const type = stage.name === 'quantize' ? ` ${(options as { type: string }).type}` : ''
        before = { after: stage.name + type, seed: seed ?? this.recipe.seed }
        return
      }
      const tasks = new Map<string, Sample[]>()
      for (const { task, ...sample } of lines(join(this.folder, stageName(stage, index), 'samples.jsonl'))) {
        const name = String(task)
        tasks.set(name, [...(tasks.get(name) ?? []), sample as unknown as Sample])
      }
      found.push({ ...before, tasks })
    })
    return found
  }

  /** The metrics of each stage of that name, with its seed. */
  metrics(name: string): { seed: number; rows: Row[] }[] {
    return this.recipe.stages.flatMap(({ stage, seed }, index) =>
      stage.name === name
        ? [
            {
              seed: seed ?? this.recipe.seed,
              rows: lines(join(this.folder, stageName(stage, index), 'metrics.jsonl')),
            },
          ]
        : [],
    )
  }

  /** Minutes of each stage that learns: its steps, each at the median's time, since other work may have been beside some. */
  minutes(): { name: string; minutes: number }[] {
    return this.recipe.stages.flatMap(({ stage }, index) => {
      const name = stageName(stage, index)
      const file = join(this.folder, name, 'metrics.jsonl')
      if (!existsSync(file)) return []
      const times = lines(file).flatMap(({ milliseconds }) => (typeof milliseconds === 'number' ? [milliseconds] : []))
      const median = times.sort((left, right) => left - right)[times.length >> 1] ?? 0
      return [{ name, minutes: (median * times.length) / 60_000 }]
    })
  }
}

/** What was reached on a task. */
export function summaryOf({ tasks }: Measured, task: string): TaskSummary {
  const samples = tasks.get(task) ?? []
  const each = samples.filter(({ example }) => example === samples[0]?.example).length
  return summarize(samples, each, 0) as TaskSummary
}

/** Difference of the share of right samples over the problems that both were asked, with its interval over problems. */
export function difference(after: Measured, before: Measured, task: string): Interval {
  const [left, right] = [rightByProblem(after, task), rightByProblem(before, task)]
  const differences = [...left].flatMap(([key, share]) => {
    const other = right.get(key)
    return other === undefined ? [] : [share - other]
  })
  return bootstrapMean(differences)
}

function rightByProblem({ tasks }: Measured, task: string): ReadonlyMap<string, number> {
  const counts = new Map<string, { right: number; all: number }>()
  for (const { prompt, correct } of tasks.get(task) ?? []) {
    const { right, all } = counts.get(prompt) ?? { right: 0, all: 0 }
    counts.set(prompt, { right: right + Number(correct), all: all + 1 })
  }
  return new Map([...counts].map(([prompt, { right, all }]) => [prompt, right / all]))
}
