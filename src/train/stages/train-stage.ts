import type { z } from 'zod'
import { openCheckpoint } from '../../checkpoint/index.ts'
import { R1Error } from '../../errors.ts'
import { type LoadedModel, loadModel, type Model, modelOf } from '../../models/index.ts'
import { Variables } from '../../runtime/variables.ts'
import type { Batch, BatchSource } from '../batch.ts'
import { HeldOut } from '../held-out.ts'
import type { Objective } from '../objective.ts'
import { checkConsolidation, consolidateTexts, consolidationHashes } from './consolidate-texts.ts'
import { drive } from './drive.ts'
import { estimateLoop } from './estimate.ts'
import { finish } from './finish.ts'
import { scopeOf, trainerOf } from './loop.ts'
import { type LoopOptions, rowsOfPart, scheduleOf } from './options.ts'
import { checkRoom } from './room.ts'
import type { Stage, StageContext, StagePlan, StageResult } from './stage.ts'

/** The batches of a stage: those it trains on without end, and those it measures on. */
export interface StageBatches {
  readonly training: BatchSource
  readonly heldOut: BatchSource
  close(): Promise<void>
}

/** What makes a stage that trains out of its loop. */
export interface TrainStage {
  readonly objective: Objective
  /** What may be added to the objective beside the parts that every stage knows, or in the place of them. */
  readonly parts?: Readonly<Record<string, Objective>>
  /** Whether the batches come from a model's own samples: planning makes none. */
  readonly sampled?: boolean
  /** Reads every record once. @throws R1Error naming the first that is wrong */
  check(): Promise<void>
  /** @param rows of a batch @param loaded the model that is trained; none while the stage is planned */
  batches(rows: number, loaded: LoadedModel | undefined): Promise<StageBatches>
  /** SHA-256 of each data file. */
  hashes(): Promise<Readonly<Record<string, string>>>
  /** What is trained and saved, where it is more than the parent. */
  modelOf?(parent: Model): Model
  /** What must be done with the model before the first step, the same at every start: a teacher beside it. */
  prepare?(loaded: LoadedModel, signal: AbortSignal | undefined): Promise<void>
  close?(): void | Promise<void>
}

/** A stage that trains: what it learns from is made of its options, all else is the same everywhere. */
export function trainingStage<Schema extends z.ZodType<LoopOptions>>(definition: {
  readonly name: string
  readonly summary: string
  readonly options: Schema
  make(settings: z.output<Schema>, context: StageContext): TrainStage | Promise<TrainStage>
}): Stage<Schema> {
  const { name, summary, options, make } = definition
  const using = async <Result>(
    settings: z.output<Schema>,
    context: StageContext,
    use: (stage: TrainStage) => Promise<Result>,
  ): Promise<Result> => {
    const stage = await make(settings, context)
    try {
      return await use(stage)
    } finally {
      await stage.close?.()
    }
  }
  return {
    name,
    summary,
    options,
    plan: (settings, context) => using(settings, context, (stage) => plan(stage, settings, context)),
    run: (settings, context) => using(settings, context, (stage) => run(name, stage, settings, context)),
  }
}

/** The most held-out batches that are kept and measured. */
const mostHeldOut = 16

async function readHeldOut(source: BatchSource): Promise<Batch[]> {
  const batches: Batch[] = []
  while (batches.length < mostHeldOut) {
    const batch = await source.next()
    if (!batch) break
    batches.push(batch)
  }
  return batches
}

/** Plans a stage: reads all of its data once, so that what is wrong with them shows before anything runs. */
async function plan(stage: TrainStage, options: LoopOptions, context: StageContext): Promise<StagePlan> {
  scheduleOf(options)
  const rows = rowsOfPart(options)
  await using checkpoint = await openCheckpoint(context.parent)
  const model = modelOf(checkpoint.config)
  if (options.length > model.positions) {
    throw new R1Error(
      'bad-option',
      `Rows of ${options.length} tokens are longer than the model's ${model.positions}.`,
      { remedy: 'Shorten `length`.' },
    )
  }
  await stage.check()
  await checkConsolidation(options, context)
  if (!stage.sampled) await checkFirst(stage, rows)
  const estimate = estimateLoop(model, options)
  await checkRoom(context.folder, estimate.parameters, options)
  return estimate
}

/** @throws R1Error `no-data` where there is nothing to train on */
async function checkFirst(stage: TrainStage, rows: number): Promise<void> {
  const batches = await stage.batches(rows, undefined)
  const first = await batches.training.next().finally(() => batches.close())
  if (first) return
  throw new R1Error('no-data', 'The data give no row to train on.', { remedy: 'Give more, or other, data.' })
}

/** Runs a stage that trains. */
async function run(name: string, stage: TrainStage, options: LoopOptions, context: StageContext): Promise<StageResult> {
  const { parent, seed, signal, threads } = context
  await using checkpoint = await openCheckpoint(parent)
  using variables = new Variables(seed)
  const scope = scopeOf(options)
  const { model } = await loadModel(checkpoint, { variables, scope, ...(signal && { signal }) })
  const loaded = { model: stage.modelOf?.(model) ?? model, variables }
  const batches = await stage.batches(rowsOfPart(options), loaded)
  try {
    await stage.prepare?.(loaded, signal)
    const penalty = await consolidateTexts({ model, variables }, options, context)
    const looks = await readHeldOut(batches.heldOut)
    using measured = new HeldOut(loaded, stage.objective, looks, {
      precision: options.precision,
      scope,
      threads,
    })
    const evaluate = looks.length > 0 ? () => measured.measure(signal) : undefined
    using trainer = trainerOf(loaded, options, {
      objective: stage.objective,
      parts: stage.parts ?? {},
      batches: batches.training,
      evaluate: evaluate && (async () => (await evaluate()).loss),
      penalty,
      threads,
    })
    const last = await drive(trainer, context, options)
    const metrics: Record<string, number> = { steps: trainer.step, tokens: trainer.tokens }
    if (last) metrics.loss = last.loss
    for (const [key, value] of Object.entries((await evaluate?.()) ?? {})) metrics[`heldOut.${key}`] = value
    const data = { ...(await stage.hashes()), ...(await consolidationHashes(options, context)) }
    return await finish(name, loaded, options, context, { metrics, data })
  } finally {
    await batches.close()
  }
}
