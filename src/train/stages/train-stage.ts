import { openCheckpoint } from '../../checkpoint/index.ts'
import { R1Error } from '../../errors.ts'
import { type LoadedModel, loadModel, modelOf } from '../../models/index.ts'
import { Variables } from '../../runtime/variables.ts'
import type { Batch, BatchSource } from '../batch.ts'
import { HeldOut } from '../held-out.ts'
import type { Objective } from '../objective.ts'
import type { Penalty } from '../step.ts'
import { drive } from './drive.ts'
import { estimateLoop } from './estimate.ts'
import { finish } from './finish.ts'
import { scopeOf, trainerOf } from './loop.ts'
import { type LoopOptions, rowsOfPart, scheduleOf } from './options.ts'
import type { StageContext, StagePlan, StageResult } from './stage.ts'

/** The batches of a stage: those it trains on without end, and those it measures on. */
export interface StageBatches {
  readonly training: BatchSource
  readonly heldOut: BatchSource
  close(): Promise<void>
}

/** What makes a stage that trains out of its loop. */
export interface TrainStage {
  readonly name: string
  readonly objective: Objective
  /** Reads every record once. @throws R1Error naming the first that is wrong */
  check(): Promise<void>
  /** @param rows of a batch */
  batches(rows: number): Promise<StageBatches>
  /** SHA-256 of each data file. */
  hashes(): Promise<Readonly<Record<string, string>>>
  /** What must be done with the model before the first step, the same at every start: a teacher beside it, a penalty. */
  prepare?(loaded: LoadedModel, signal: AbortSignal | undefined): Promise<{ readonly penalty?: Penalty }>
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
export async function planTraining(stage: TrainStage, options: LoopOptions, context: StageContext): Promise<StagePlan> {
  scheduleOf(options)
  const rows = rowsOfPart(options)
  await using checkpoint = await openCheckpoint(context.parent)
  const model = modelOf(checkpoint.config)
  if (options.length > model.positions) {
    throw new R1Error(
      'bad-option',
      `Rows of ${options.length} tokens are longer than the model's ${model.positions}.`,
      {
        remedy: 'Shorten `length`.',
      },
    )
  }
  await stage.check()
  const batches = await stage.batches(rows)
  const first = await batches.training.next().finally(() => batches.close())
  if (!first)
    throw new R1Error('no-data', 'The data give no row to train on.', { remedy: 'Give more, or other, data.' })
  return estimateLoop(model, options)
}

/** Runs a stage that trains. */
export async function runTraining(
  stage: TrainStage,
  options: LoopOptions,
  context: StageContext,
): Promise<StageResult> {
  const { parent, seed, signal } = context
  await using checkpoint = await openCheckpoint(parent)
  using variables = new Variables(seed)
  const loaded = await loadModel(checkpoint, { variables, ...(signal && { signal }) })
  const batches = await stage.batches(rowsOfPart(options))
  try {
    const prepared = (await stage.prepare?.(loaded, signal)) ?? {}
    const looks = await readHeldOut(batches.heldOut)
    using measured = new HeldOut(loaded, stage.objective, looks, {
      precision: options.precision,
      scope: scopeOf(options),
    })
    const evaluate = looks.length > 0 ? () => measured.measure(signal) : undefined
    using trainer = trainerOf(loaded, options, {
      objective: stage.objective,
      batches: batches.training,
      evaluate: evaluate && (async () => (await evaluate()).loss),
      ...prepared,
    })
    const last = await drive(trainer, context, options)
    const metrics: Record<string, number> = { steps: trainer.step, tokens: trainer.tokens }
    if (last) metrics.loss = last.loss
    for (const [name, value] of Object.entries((await evaluate?.()) ?? {})) metrics[`heldOut.${name}`] = value
    return await finish(stage.name, loaded, options, context, { metrics, data: await stage.hashes() })
  } finally {
    await batches.close()
  }
}
