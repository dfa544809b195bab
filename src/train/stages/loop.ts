import type { LoadedModel } from '../../models/load.ts'
import type { ScopeOptions } from '../../nn/index.ts'
import type { BatchSource } from '../batch.ts'
import type { Objective } from '../objective.ts'
import { Trainer, type TrainerOptions } from '../trainer.ts'
import { type LoopOptions, scheduleOf, stepsOf } from './options.ts'

/** What a stage adds to the options of its loop. */
export interface LoopParts extends Pick<TrainerOptions, 'penalty'> {
  readonly objective: Objective
  readonly batches: BatchSource
  /** The loss on held-out data. */
  readonly evaluate?: ((signal?: AbortSignal) => Promise<number>) | undefined
}

/** Which parameters a loop trains: all, or adapters. */
export function scopeOf({ adapter }: LoopOptions): ScopeOptions {
  if (!adapter) return {}
  const { rank, alpha = 2 * rank } = adapter
  const layers = new RegExp(adapter.layers)
  return { adapter: { rank, alpha, accepts: (layer) => layers.test(layer) } }
}

/** The trainer of a stage. @throws R1Error `bad-option` */
export function trainerOf(loaded: LoadedModel, options: LoopOptions, parts: LoopParts): Trainer {
  const { accumulation, weightDecay, beta1, beta2, clip, ema, precision, checkpointing } = options
  const { objective, batches, evaluate, penalty } = parts
  return new Trainer(loaded, {
    objective,
    batches,
    steps: stepsOf(options),
    schedule: scheduleOf(options),
    accumulation,
    optimizer: { weightDecay, beta1, beta2, largestNorm: clip },
    precision,
    checkpointing,
    ...(penalty && { penalty }),
    ...(ema !== undefined && { ema }),
    scope: scopeOf(options),
    ...(evaluate && options.evaluateEvery && { evaluation: { every: options.evaluateEvery, run: evaluate } }),
    ...(evaluate && options.patience && { earlyStopping: { patience: options.patience } }),
  })
}
