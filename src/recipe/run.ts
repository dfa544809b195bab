import { createHash } from 'node:crypto'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { writeJson } from '../checkpoint/atomic.ts'
import { R1Error } from '../errors.ts'
import type { StageContext, StagePlan, StageResult } from '../train/stages/stage.ts'
import { badRecipe } from './document.ts'
import { firstCheckpoint } from './first-checkpoint.ts'
import { type Recipe, type RecipeStage, stageName } from './recipe.ts'

export interface RunOptions {
  /** Folder of all runs. */
  readonly runs: string
  /** Goes on with a run that was begun, from the states its stages left behind. */
  readonly resume?: boolean
  /** Only the stage of this name or number; the ones before it must be done. */
  readonly only?: string
  /** Threads of a step; what the machine has without it. */
  readonly threads?: number
  readonly signal?: AbortSignal
  /** Hears of each step. */
  onReport?(stage: string, line: Readonly<Record<string, number | string | boolean>>): void
}

/** A stage with its place in a run. */
export interface PlannedStage {
  /** Such as `01-pretrain`. */
  readonly name: string
  readonly plan: StagePlan
}

/** A stage that is done. */
export interface FinishedStage extends StageResult {
  readonly name: string
}

/** What `run.json` holds of a stage. */
interface RunFile {
  readonly version: 1
  readonly stage: string
  readonly seed: number
  readonly options: unknown
  /** SHA-256 of all that decides the result: options, seed, and the stages before. */
  readonly identity: string
  readonly status: 'running' | 'done'
  readonly result?: StageResult
}

interface Place {
  readonly entry: RecipeStage
  readonly name: string
  readonly folder: string
  readonly identity: string
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Folders and identities of a recipe's stages: a stage's identity holds those of all before it. */
function placesOf(recipe: Recipe, runs: string): readonly Place[] {
  let before = sha256(JSON.stringify([recipe.model, recipe.seed]))
  return recipe.stages.map((entry, index) => {
    const name = stageName(entry.stage, index)
    const { from, seed } = entry
    const beside = from === undefined && seed === undefined ? [] : [{ from, seed }]
    before = sha256(JSON.stringify([before, entry.stage.name, entry.options, ...beside]))
    return { entry, name, folder: join(runs, recipe.name, name), identity: before }
  })
}

async function readRunFile(folder: string): Promise<RunFile | undefined> {
  const text = await readFile(join(folder, 'run.json'), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as RunFile)
}

function contextOf(recipe: Recipe, place: Place, parent: string, options: RunOptions): StageContext {
  return {
    folder: place.folder,
    base: dirname(resolve(recipe.file)),
    parent,
    seed: place.entry.seed ?? recipe.seed,
    threads: options.threads,
    resume: options.resume ?? false,
    signal: options.signal,
    report: async (line) => options.onReport?.(place.name, line),
  }
}

/** An error of a stage, with the line of the recipe at which the stage stands. */
function located(recipe: Recipe, { line, stage }: RecipeStage, error: unknown): unknown {
  if (!R1Error.isInstance(error) || error.code === 'aborted' || error.code === 'bad-recipe') return error
  const { code, message, remedy } = error
  const said = remedy && message.endsWith(remedy) ? message.slice(0, -remedy.length).trimEnd() : message
  return new R1Error(code, `${recipe.file}, line ${line}, ${stage.name}: ${said}`, {
    ...(remedy && { remedy }),
    cause: error,
  })
}

/**
 * Looks at everything a recipe needs, and runs nothing.
 *
 * @throws R1Error of the first thing that is missing, with the line of the recipe
 */
export async function planRecipe(recipe: Recipe, options: RunOptions): Promise<readonly PlannedStage[]> {
  const parent = await firstCheckpoint(recipe, join(options.runs, recipe.name, '00-model'), options.signal)
  const planned: PlannedStage[] = []
  for (const place of placesOf(recipe, options.runs)) {
    const { stage, options: stageOptions } = place.entry
    try {
      const plan = await stage.plan(stageOptions, contextOf(recipe, place, parent, options))
      planned.push({ name: place.name, plan })
    } catch (error) {
      throw located(recipe, place.entry, error)
    }
  }
  return planned
}

/**
 * Runs a recipe, stage after stage, each in a folder of its own. What is done is not done again.
 *
 * @throws R1Error `run-exists` where the run was begun before and `resume` is not set, `recipe-changed` where it is set and
 *   a stage that has begun would be another one now, and what stages throw
 */
export async function* runRecipe(recipe: Recipe, options: RunOptions): AsyncGenerator<FinishedStage, void, void> {
  const places = placesOf(recipe, options.runs)
  const chosen = chooseStages(recipe, places, options.only)
  const model = await firstCheckpoint(recipe, join(options.runs, recipe.name, '00-model'), options.signal)
  let before = model
  const checkpoints: string[] = []
  for (const place of places) {
    const { from } = place.entry
    const parent = from === undefined ? before : from === 'model' ? model : (checkpoints[from] as string)
    const known = await readRunFile(place.folder)
    const done = known?.status === 'done' ? known.result : undefined
    if (known && known.identity !== place.identity) throw changed(recipe, place)
    if (!chosen.has(place)) {
      if (!done) {
        if (options.only) throw notDone(recipe, place, options.only)
        return
      }
    } else if (done) {
      if (!options.resume && !options.only) throw runExists(recipe, place)
    } else {
      if (known && !options.resume) throw runExists(recipe, place)
      yield await runStage(recipe, place, parent, options)
    }
    before = (await readRunFile(place.folder))?.result?.checkpoint ?? parent
    checkpoints.push(before)
    if (options.only && chosen.has(place)) return
  }
}

async function runStage(recipe: Recipe, place: Place, parent: string, options: RunOptions): Promise<FinishedStage> {
  const { entry, folder, identity, name } = place
  await mkdir(folder, { recursive: true })
  const file: RunFile = {
    version: 1,
    stage: entry.stage.name,
    seed: entry.seed ?? recipe.seed,
    options: entry.options,
    identity,
    status: 'running',
  }
  await writeJson(join(folder, 'run.json'), file)
  try {
    const result = await entry.stage.run(entry.options, contextOf(recipe, place, parent, options))
    await writeJson(join(folder, 'run.json'), { ...file, status: 'done', result } satisfies RunFile)
    await rm(join(folder, 'state'), { recursive: true, force: true })
    return { name, ...result }
  } catch (error) {
    throw located(recipe, entry, error)
  }
}

/** The stages to run: all, or the one of a name or number. */
function chooseStages(recipe: Recipe, places: readonly Place[], only: string | undefined): ReadonlySet<Place> {
  if (only === undefined) return new Set(places)
  const found = places.filter(({ name, entry }, index) => [name, entry.stage.name, String(index + 1)].includes(only))
  const [place] = found
  if (place && found.length === 1) return new Set([place])
  const names = places.map(({ name }) => name).join(', ')
  throw badRecipe(
    recipe.file,
    1,
    `${found.length === 0 ? 'there is no' : 'there is more than one'} stage '${only}'`,
    `Name one of ${names}.`,
  )
}

function runExists(recipe: Recipe, { name, folder }: Place): R1Error {
  return new R1Error('run-exists', `${folder} holds the stage ${name} of an earlier run of ${recipe.name}.`, {
    remedy: 'Go on with --resume, give the recipe another name, or remove the folder.',
  })
}

function changed(recipe: Recipe, { name, entry }: Place): R1Error {
  return new R1Error('recipe-changed', `${recipe.file}, line ${entry.line}: ${name} was begun with other options.`, {
    remedy: 'Take the change back, give the recipe another name, or remove the folder of the run.',
  })
}

function notDone(recipe: Recipe, { name }: Place, only: string): R1Error {
  return new R1Error('stage-missing', `The stage ${name} of ${recipe.name} must be done before ${only}.`, {
    remedy: 'Run the recipe without --only first.',
  })
}
