import { openCheckpoint } from '../../checkpoint/index.ts'
import { BatchStream, type Stream, type TokenRow } from '../../data/index.ts'
import { R1Error } from '../../errors.ts'
import { loadModel, modelOf } from '../../models/index.ts'
import { Variables } from '../../runtime/variables.ts'
import { type Batch, type BatchSource, batchOfTokens } from '../batch.ts'
import { HeldOut } from '../held-out.ts'
import type { Objective } from '../objective.ts'
import { drive } from './drive.ts'
import { estimateLoop } from './estimate.ts'
import { finish } from './finish.ts'
import { scopeOf, trainerOf } from './loop.ts'
import { type LoopOptions, rowsOfPart, scheduleOf } from './options.ts'
import type { StageContext, StagePlan, StageResult } from './stage.ts'

/** The rows a stage trains on, and those it measures on. */
export interface RowSources {
  readonly training: Stream<TokenRow>
  readonly heldOut: Stream<TokenRow>
}

/** What makes a stage that trains on rows of tokens out of its loop. */
export interface RowStage {
  readonly name: string
  readonly objective: Objective
  /** Reads every record once. @throws R1Error naming the first that is wrong */
  check(): Promise<void>
  rows(): Promise<RowSources>
  hashes(): Promise<Readonly<Record<string, string>>>
}

/** The most held-out batches that are kept and measured. */
const heldOutBatches = 16

/** Rows as batches of a training step. */
class RowBatches implements BatchSource {
  private readonly stream: BatchStream

  constructor(rows: Stream<TokenRow>, count: number) {
    this.stream = new BatchStream(rows, count)
  }

  async next(): Promise<Batch | undefined> {
    const tokens = await this.stream.next()
    return tokens && batchOfTokens(tokens)
  }

  state() {
    return this.stream.state()
  }

  restore(state: Parameters<BatchStream['restore']>[0]): Promise<void> {
    return this.stream.restore(state)
  }
}

async function readHeldOut(rows: Stream<TokenRow>, count: number): Promise<Batch[]> {
  const batches: Batch[] = []
  const stream = new BatchStream(rows, count)
  for await (const tokens of stream) {
    batches.push(batchOfTokens(tokens))
    if (batches.length === heldOutBatches) break
  }
  return batches
}

/** Plans a stage: reads all of its data once, so that what is wrong with them shows before anything runs. */
export async function planRows(stage: RowStage, options: LoopOptions, context: StageContext): Promise<StagePlan> {
  scheduleOf(options)
  rowsOfPart(options)
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
  const { training, heldOut } = await stage.rows()
  const first = await training.next()
  await Promise.all([training.close(), heldOut.close()])
  if (!first)
    throw new R1Error('no-data', 'The data give no row to train on.', { remedy: 'Give more, or other, data.' })
  return estimateLoop(model, options)
}

/** Runs a stage that trains on rows of tokens. */
export async function runRows(stage: RowStage, options: LoopOptions, context: StageContext): Promise<StageResult> {
  await using checkpoint = await openCheckpoint(context.parent)
  using variables = new Variables(context.seed)
  const loaded = await loadModel(checkpoint, { variables, ...(context.signal && { signal: context.signal }) })
  const count = rowsOfPart(options)
  const { training, heldOut } = await stage.rows()
  try {
    const looks = await readHeldOut(heldOut, count)
    using measured = new HeldOut(loaded, stage.objective, looks, {
      precision: options.precision,
      scope: scopeOf(options),
    })
    const evaluate = looks.length > 0 ? (signal?: AbortSignal) => measured.loss(signal) : undefined
    using trainer = trainerOf(loaded, options, {
      objective: stage.objective,
      batches: new RowBatches(training, count),
      evaluate,
    })
    const last = await drive(trainer, context, options)
    const metrics: Record<string, number> = { steps: trainer.step, tokens: trainer.tokens }
    if (last) metrics.loss = last.loss
    if (evaluate) metrics.heldOutLoss = await evaluate(context.signal)
    return await finish(stage.name, loaded, options, context, { metrics, data: await stage.hashes() })
  } finally {
    await Promise.all([training.close(), heldOut.close()])
  }
}
