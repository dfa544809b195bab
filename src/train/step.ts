import { R1Error } from '../errors.ts'
import type { LoadedModel } from '../models/load.ts'
import { type Parameter, Scope, type ScopeOptions } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { type ArrayTree, type Jit, type JitOptions, jit } from '../runtime/jit.ts'
import { copyTo } from '../runtime/transfer.ts'
import { adamW, add, assign, gradients, multiply, subtract, type Tensor, variable } from '../tensor/index.ts'
import type { Batch } from './batch.ts'
import { forwardPass, type Objective, type TracedBatch } from './objective.ts'

/** Hyper-parameters of AdamW (arXiv:1711.05101). */
export interface OptimizerOptions {
  readonly beta1?: number
  readonly beta2?: number
  readonly epsilon?: number
  /** Decoupled weight decay of matrices; norms and biases have none. */
  readonly weightDecay?: number
  /** Gradients are clipped to this global norm; 0 is no limit. */
  readonly largestNorm?: number
}

/** How the graphs of a step are compiled. */
const compileKeys = ['device', 'threads', 'spinning', 'kernels', 'precision', 'emulate', 'state', 'profile'] as const

export interface StepOptions extends Pick<JitOptions, (typeof compileKeys)[number]> {
  readonly optimizer?: OptimizerOptions
  /** Which parameters are trained, and adapters. */
  readonly scope?: ScopeOptions
  /** Computes each layer's activations again in the backward pass instead of keeping them. */
  readonly checkpointing?: boolean
  /** Added to the mean loss of each step, for example what keeps parameters near where they were. */
  readonly penalty?: Penalty
  /** Decay of an exponential moving average of the parameters, kept beside them; none without it. */
  readonly ema?: number
}

/** A loss that depends on the parameters alone, a scalar. */
export type Penalty = (parameters: readonly Parameter[]) => Tensor

/** Sums over one batch. */
export interface BatchSums {
  readonly loss: number
  readonly metrics: Readonly<Record<string, number>>
}

interface Inputs {
  readonly batch: TracedBatch
  /** One over the weight of the whole step, a scalar. */
  readonly scale: Tensor
  /** As `adamW` takes them. */
  readonly hyper: Tensor
  /** How much of the moving average is kept, a scalar: nothing at the first step. */
  readonly kept: Tensor
}

interface Outputs {
  readonly loss: Tensor
  readonly metrics: Readonly<Record<string, Tensor>>
  readonly norm: Tensor
}

/** Which part of a step one graph computes: the step's first batch, its last, both or neither. */
interface Part {
  readonly first: boolean
  readonly last: boolean
}

/** Names of the variables that belong to a parameter while it is trained. */
export const stateNames = {
  firstMoment: (parameter: string) => `${parameter}.first_moment`,
  secondMoment: (parameter: string) => `${parameter}.second_moment`,
  gradient: (parameter: string) => `${parameter}.gradient`,
  average: (parameter: string) => `${parameter}.average`,
} as const

/** Vectors (norms, biases) are not decayed. */
const decayOf = (parameter: Tensor): number => (parameter.rank < 2 ? 0 : 1)

/**
 * Training steps of a model as compiled graphs. A step over one batch is one graph: forward, gradients, clipping and
 * update. A step over several adds up gradients in variables; each of its parts is compiled when it is first needed.
 */
export class TrainingStep {
  private readonly loaded: LoadedModel
  private readonly objective: Objective
  private readonly options: StepOptions
  private readonly parts = new Map<string, Jit<Inputs, Outputs>>()
  private readonly names = new Set<string>()

  constructor(loaded: LoadedModel, objective: Objective, options: StepOptions = {}) {
    this.loaded = loaded
    this.objective = objective
    this.options = options
  }

  /** Names of the parameters that are trained; known after the first run. */
  get trained(): readonly string[] {
    return [...this.names]
  }

  /**
   * Runs forward and backward over a batch, and updates the parameters after the last one of a step.
   *
   * @param batches how many batches the step has, and which this is
   * @param weight of all batches of the step together
   * @param step number of the step, from 1
   * @returns sums over this batch, and after the last one the global norm of the gradients before clipping
   * @throws R1Error `not-finite` where the loss is no number; the parameters are as they were
   */
  async run(
    batch: Batch,
    { index, of, weight }: { index: number; of: number; weight: number },
    step: number,
    rate: number,
  ): Promise<BatchSums & { readonly norm: number }> {
    const part = { first: index === 0, last: index === of - 1 }
    const outputs = await this.part(part).run({
      batch: presentArrays(batch),
      scale: NDArray.scalar(weight > 0 ? 1 / weight : 0),
      hyper: NDArray.from(hyperOf(step, rate, this.options.optimizer)),
      kept: NDArray.scalar(step > 1 ? (this.options.ema ?? 0) : 0),
    })
    const sums = {
      loss: numberOf(outputs.loss),
      metrics: Object.fromEntries(Object.entries(outputs.metrics).map(([name, sum]) => [name, numberOf(sum)])),
      norm: numberOf(outputs.norm),
    }
    if (!Number.isFinite(sums.loss) || !Number.isFinite(sums.norm)) {
      throw new R1Error('not-finite', `The loss of step ${step} is ${sums.loss}, the gradients' norm ${sums.norm}.`, {
        remedy: 'Lower the learning rate, clip gradients, or look for broken data; the last saved state is whole.',
      })
    }
    return sums
  }

  /** Compiles a step over one such batch without running it. */
  async prepare(batch: Batch): Promise<void> {
    await this.part({ first: true, last: true }).prepare({
      batch: presentArrays(batch),
      scale: NDArray.scalar(1),
      hyper: NDArray.from(hyperOf(1, 0)),
      kept: NDArray.scalar(0),
    })
  }

  /** Ends profiling, where `profile` asked for it; paths of the profiles. */
  endProfiling(): string[] {
    return [...this.parts.values()].flatMap((part) => part.endProfiling())
  }

  dispose(): void {
    for (const part of this.parts.values()) part.dispose()
    this.parts.clear()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  private part(part: Part): Jit<Inputs, Outputs> {
    const key = `${part.first} ${part.last}`
    let compiled = this.parts.get(key)
    if (!compiled) {
      const given = compileKeys.flatMap((option) => {
        const value = this.options[option]
        return value === undefined ? [] : [[option, value] as const]
      })
      compiled = jit((inputs: Inputs) => this.trace(inputs, part), {
        variables: this.loaded.variables,
        reuseOutputs: true,
        ...(Object.fromEntries(given) as JitOptions),
      })
      this.parts.set(key, compiled)
    }
    return compiled
  }

  private trace({ batch, scale, hyper, kept: keptShare }: Inputs, { first, last }: Part): Outputs {
    const { model } = this.loaded
    const { scope: scopeOptions, checkpointing, ema, penalty } = this.options
    const scope = new Scope(scopeOptions)
    const { loss, metrics = {} } = this.objective.sums(forwardPass(model, scope, batch, { checkpointing }))
    const parameters = scope.trainable
    const mean = multiply(loss, scale)
    const found = gradients(
      penalty && last ? add(mean, penalty(parameters)) : mean,
      parameters.map(({ tensor }) => tensor),
    )
    const added = parameters.map(({ name, tensor }, index) => {
      this.names.add(name)
      const gradient = found[index] as Tensor
      if (first && last) return gradient
      const kept = variable(stateNames.gradient(name), tensor)
      const sum = first ? gradient : add(kept, gradient)
      if (!last) assign(kept, sum)
      return sum
    })
    if (!last) return { loss, metrics, norm: multiply(scale, 0) }
    const slots = parameters.map(({ name, tensor }, index) => ({
      parameter: tensor,
      firstMoment: variable(stateNames.firstMoment(name), tensor),
      secondMoment: variable(stateNames.secondMoment(name), tensor),
      gradient: added[index] as Tensor,
      decay: decayOf(tensor),
    }))
    const update = adamW(hyper, slots)
    for (const [index, { name }] of parameters.entries()) {
      const slot = slots[index] as (typeof slots)[number]
      const next = update.slots[index] as (typeof update.slots)[number]
      assign(slot.parameter, next.parameter)
      assign(slot.firstMoment, next.firstMoment)
      assign(slot.secondMoment, next.secondMoment)
      if (ema !== undefined) {
        const average = variable(stateNames.average(name), slot.parameter)
        assign(average, add(next.parameter, multiply(subtract(average, next.parameter), keptShare)))
      }
    }
    return { loss, metrics, norm: update.norm }
  }
}

/** A scalar of any device. */
function numberOf(array: NDArray): number {
  if (array.device === 'cpu') return array.toNumbers()[0] as number
  using host = copyTo(array, 'cpu')
  return host.toNumbers()[0] as number
}

/** A batch without the arrays that are not there. */
export function presentArrays(batch: Batch): ArrayTree<TracedBatch> {
  return Object.fromEntries(Object.entries(batch).filter(([, array]) => array !== undefined)) as ArrayTree<TracedBatch>
}

function hyperOf(step: number, rate: number, options: OptimizerOptions = {}): readonly number[] {
  const { beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weightDecay = 0.1, largestNorm = 1 } = options
  return [rate, beta1, beta2, epsilon, weightDecay, 1 - beta1 ** step, 1 - beta2 ** step, largestNorm, 1]
}
