import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import { R1Error } from '../../errors.ts'
import type { FinishedStage, PlannedStage } from '../../recipe/run.ts'
import { interruptible } from '../interrupt.ts'
import { withProgress } from '../progress.ts'
import { type Pace, short, stageLine } from '../run/stage-line.ts'
import { formatBytes, formatCount, formatDuration } from '../sizes.ts'
import { createVerb, printResult } from '../verb.ts'
import { parseWhole } from '../whole-number.ts'

interface RunValues {
  json?: boolean
  resume?: boolean
  only?: string
  dryRun?: boolean
  runs: string
  threads?: number
}

async function readRecipe(file: string) {
  const [{ parseRecipe }, { stages }] = await Promise.all([
    import('../../recipe/recipe.ts'),
    import('../../recipe/stages.ts'),
  ])
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new R1Error('file-not-found', `The recipe ${file} cannot be read.`, { remedy: 'Check its path.', cause })
  })
  return parseRecipe(text, file, stages)
}

async function roofOf(threads = availableParallelism()): Promise<number> {
  const { measureRoof } = await import('../bench/roof.ts')
  return await measureRoof({ threads, rounds: 4 })
}

function formatPlan(planned: readonly PlannedStage[], gflops: number): string {
  const lines = planned.map(({ name, plan }) => {
    const minutes = formatDuration(plan.operations / gflops / 1e6)
    return `${name}: ${formatCount(plan.parameters)} parameters, ${plan.steps} steps, ${formatCount(plan.tokens)} tokens, about ${minutes} and ${formatBytes(plan.memory)} of memory`
  })
  return [...lines, `Times at the ${gflops.toFixed(0)} GFLOPS that products reach on this machine now.`].join('\n')
}

function formatFinished({ name, checkpoint, metrics }: FinishedStage): string {
  const measured = Object.entries(metrics).map(([key, value]) => `${key} ${short(value)}`)
  return `${name}: ${[...measured, checkpoint].join(', ')}`
}

/** What a reader who stopped a run wants to know. */
function stopped(error: unknown, file: string): unknown {
  if (!R1Error.isInstance(error, 'aborted')) return error
  const remedy = `What was done is kept. Go on with r1 run ${file} --resume.`
  return new R1Error('interrupted', 'The run was stopped.', { remedy, cause: error })
}

/** `r1 run <recipe.yaml>`: runs the stages of a recipe. */
export function run(): Command {
  return createVerb({
    name: 'run',
    summary: 'Run the stages of a recipe: pretraining, fine-tuning, distillation and what else it names.',
    examples: [
      ['r1 run recipe.yaml --dry-run', 'check everything, say what it takes, start nothing'],
      ['r1 run recipe.yaml', 'run all stages, into runs/<name>/'],
      ['r1 run recipe.yaml --resume', 'go on where it stopped, also after a crash'],
      ['r1 run recipe.yaml --only 2', 'run one stage whose predecessors are done'],
    ],
  })
    .argument('<recipe>', 'a YAML file')
    .option('--resume', 'go on with a run that was begun')
    .option('--only <stage>', 'run one stage, by its name or number')
    .option('--dry-run', 'check the recipe and its data, and say what it will take')
    .option('--runs <folder>', 'where runs are kept', 'runs')
    .option('--threads <n>', 'threads of a step; what the machine has without it', parseWhole)
    .action(async (file: string, { json, resume = false, only, dryRun, runs, threads }: RunValues) => {
      const { planRecipe, runRecipe } = await import('../../recipe/run.ts')
      const { toldToServer } = await import('../../serve/console/runs/tell-server.ts')
      const recipe = await readRecipe(file)
      await interruptible(async (signal) => {
        const planned = await planRecipe(recipe, { runs, resume, signal })
        // Nobody watches the share of the peak where there is no terminal.
        const gflops = dryRun || process.stderr.isTTY ? await roofOf(threads) : Number.NaN
        if (dryRun) {
          printResult({ recipe: recipe.name, seed: recipe.seed, stages: planned, gflops }, json, () =>
            formatPlan(planned, gflops),
          )
          return
        }
        const finished = await withProgress(async (progress) => {
          const done: FinishedStage[] = []
          let pace: Pace | undefined
          const options = {
            runs,
            resume,
            signal,
            ...(only !== undefined && { only }),
            ...(threads !== undefined && { threads }),
            onReport(stage: string, line: Readonly<Record<string, number | string | boolean>>) {
              if (stage !== pace?.stage) {
                const { operations = 0, tokens = 1 } = planned.find(({ name }) => name === stage)?.plan ?? {}
                const perToken = operations / Math.max(tokens, 1)
                pace = { stage, started: performance.now(), first: Number(line.step), operations: perToken, gflops }
              }
              progress(stageLine(pace, line, performance.now()))
            },
          }
          await toldToServer(runs, recipe.name, async () => {
            for await (const stage of runRecipe(recipe, options)) {
              done.push(stage)
              progress('')
              if (!json) printResult(stage, json, formatFinished)
            }
          })
          return done
        }).catch((error: unknown) => {
          throw stopped(error, file)
        })
        if (json || finished.length === 0) printResult(finished, json, () => 'All stages were done before.')
      })
    })
}
