import type { Model } from '../../models/model.ts'
import { crossEntropy, Scope, type ScopeOptions } from '../../nn/index.ts'
import { type Jit, type JitOptions, jit } from '../../runtime/jit.ts'
import { adamW, assign, broadcastTo, gradients, iota, type Tensor, variable } from '../../tensor/index.ts'

export interface TrainingStepInputs {
  /** i64 `[B, S]` */
  readonly ids: Tensor
  /** i64 `[B, S]` */
  readonly targets: Tensor
  /** As `adamW` takes them, f32 `[9]`. */
  readonly hyper: Tensor
}

export interface TrainingStepResult {
  readonly loss: Tensor
  /** Global norm of the gradients before clipping. */
  readonly norm: Tensor
}

export interface TrainingStepOptions extends JitOptions {
  readonly scope?: ScopeOptions
  readonly checkpointing?: boolean
}

/** One step of pretraining a language model with AdamW, as one graph: loss, gradients, clipping and update. */
export function trainingStep(
  model: Model,
  options: TrainingStepOptions = {},
): Jit<TrainingStepInputs, TrainingStepResult> {
  const { scope: scopeOptions, checkpointing, ...jitOptions } = options
  return jit(
    ({ ids, targets, hyper }: TrainingStepInputs): TrainingStepResult => {
      const scope = new Scope(scopeOptions)
      const positions = broadcastTo(iota(ids.shape[1] ?? 1), ids.shape)
      const { hidden } = model.forward(scope, { ids, positions }, { checkpointing })
      const loss = crossEntropy(model.head(scope, hidden), targets)
      const parameters = scope.trainable
      const found = gradients(
        loss,
        parameters.map(({ tensor }) => tensor),
      )
      const slots = parameters.map(({ name, tensor }, index) => ({
        parameter: tensor,
        firstMoment: variable(`${name}.first_moment`, tensor),
        secondMoment: variable(`${name}.second_moment`, tensor),
        gradient: found[index] as Tensor,
      }))
      const update = adamW(hyper, slots)
      for (const [index, slot] of slots.entries()) {
        const next = update.slots[index] as (typeof update.slots)[number]
        assign(slot.parameter, next.parameter)
        assign(slot.firstMoment, next.firstMoment)
        assign(slot.secondMoment, next.secondMoment)
      }
      return { loss, norm: update.norm }
    },
    { reuseOutputs: true, ...jitOptions },
  )
}

/** Hyper-parameters of step `step` (from 1) in the order that `adamW` takes them. */
export function adamWHyper(
  step: number,
  { rate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0.01, largestNorm = 1 } = {},
): readonly number[] {
  return [rate, beta1, beta2, epsilon, decay, 1 - beta1 ** step, 1 - beta2 ** step, largestNorm, 1]
}
