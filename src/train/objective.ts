import type { ForwardOptions, Model } from '../models/model.ts'
import type { Head, Scope } from '../nn/index.ts'
import type { Tensor } from '../tensor/index.ts'
import type { Batch } from './batch.ts'

/** A batch while it is traced. */
export type TracedBatch = Readonly<Record<'ids' | 'targets' | 'weights' | 'positions', Tensor>> &
  Readonly<Record<string, Tensor>>

/** What an objective sees of one forward pass. */
export interface Pass {
  readonly model: Model
  readonly scope: Scope
  readonly batch: TracedBatch
  /** `[B, S, D]` */
  readonly hidden: Tensor
  /** The step from hidden states to logits. */
  readonly head: Head
  /** The same forward pass with other tensors in the place of parameters. */
  again(replaced: ReadonlyMap<string, Tensor>): Pass
}

/** Runs a model over a batch. */
export function forwardPass(model: Model, scope: Scope, batch: TracedBatch, options: ForwardOptions = {}): Pass {
  const { ids, positions, segments } = batch
  const { hidden } = model.forward(scope, { ids, positions, segments }, options)
  return {
    model,
    scope,
    batch,
    hidden,
    // Made when it is asked for: what scores texts has none.
    get head() {
      return model.head(scope, hidden)
    },
    again: (replaced) => forwardPass(model, scope.replacing(replaced), batch, options),
  }
}

/** Sums over a batch. The trainer divides by the weight of the whole step, so that splitting a batch changes nothing. */
export interface ObjectiveSums {
  /** Sum of the losses, a scalar. */
  readonly loss: Tensor
  /** More sums, by name. */
  readonly metrics?: Readonly<Record<string, Tensor>>
}

/** What is made smaller by training: the trainer knows nothing else of an algorithm. */
export interface Objective {
  readonly name: string
  sums(pass: Pass): ObjectiveSums
  /** What the sums of a batch are divided by; the weight of its targets without it. */
  weight?(batch: Batch): number
}
