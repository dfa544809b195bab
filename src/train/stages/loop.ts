import type { LoadedModel } from '../../models/load.ts'
import type { ScopeOptions } from '../../nn/index.ts'
import type { BatchSource } from '../batch.ts'
import type { Objective } from '../objective.ts'
import { adversarial } from '../objectives/adversarial.ts'
import { confidence } from '../objectives/confidence.ts'
import { nextToken } from '../objectives/next-token.ts'
import { weighted } from '../objectives/weighted.ts'
import type { Penalty } from '../step.ts'
import { Trainer, type TrainerOptions } from '../trainer.ts'
import { type LoopOptions, scheduleOf, stepsOf } from './options.ts'

/** What a stage adds to the options of its loop. */
export interface LoopParts extends Pick<TrainerOptions, 'threads'> {
  readonly objective: Objective
  /** What may be added to the objective, by the names in the recipe. */
  readonly parts: Readonly<Record<string, Objective>>
  readonly penalty: Penalty | undefined
  readonly batches: BatchSource
  /** The loss on held-out data. */
  readonly evaluate?: ((signal?: AbortSignal) => Promise<number>) | undefined
}

/** Which parameters a loop trains: all, or adapters. */
export function scopeOf({ adapter }: LoopOptions): ScopeOptions {
  if (!adapter) return {}
  const { rank, alpha = 2 * rank, base } = adapter
  const layers = new RegExp(adapter.layers)
  return { adapter: { rank, alpha, accepts: (layer) => layers.test(layer), base } }
}

/** What every stage may add to its objective. */
const commonParts = { nextToken, confidence } as const

/** The objective of a stage with what the recipe adds: further losses, and embeddings that are moved. */
function objectiveOf(
  objective: Objective,
  options: LoopOptions,
  parts: Readonly<Record<string, Objective>>,
): Objective {
  const { objectives, adversarial: moved } = options
  const { learned = false, ...shares } = objectives ?? {}
  const known: Readonly<Record<string, Objective>> = { ...commonParts, ...parts }
  const added = Object.entries(shares).map(([name, weight]) => ({ objective: known[name] as Objective, weight }))
  const sum = added.length > 0 || learned ? weighted({ parts: [{ objective }, ...added], learned }) : objective
  return moved ? adversarial(sum, moved) : sum
}

/** The trainer of a stage. @throws R1Error `bad-option` */
export function trainerOf(loaded: LoadedModel, options: LoopOptions, parts: LoopParts): Trainer {
  const { accumulation, weightDecay, beta1, beta2, clip, ema, precision, checkpointing } = options
  const { batches, evaluate, penalty, threads } = parts
  return new Trainer(loaded, {
    objective: objectiveOf(parts.objective, options, parts.parts),
    batches,
    steps: stepsOf(options),
    schedule: scheduleOf(options),
    accumulation,
    optimizer: { weightDecay, beta1, beta2, largestNorm: clip },
    precision,
    checkpointing,
    threads,
    ...(penalty && { penalty }),
    ...(ema !== undefined && { ema }),
    scope: scopeOf(options),
    ...(evaluate && options.evaluateEvery && { evaluation: { every: options.evaluateEvery, run: evaluate } }),
    ...(evaluate && options.patience && { earlyStopping: { patience: options.patience } }),
  })
}
