import type { Json } from '../data/index.ts'
import { R1Error } from '../errors.ts'
import type { LoadedModel } from '../models/load.ts'
import { type Batch, type BatchSource, tokensOf, weightOf } from './batch.ts'
import { EarlyStopping, type EarlyStoppingOptions } from './early-stopping.ts'
import type { Objective } from './objective.ts'
import type { Schedule } from './schedule.ts'
import { readState, writeState } from './state.ts'
import { type StepOptions, stateNames, TrainingStep } from './step.ts'

export interface TrainerOptions extends StepOptions {
  readonly objective: Objective
  readonly batches: BatchSource
  /** Optimiser steps; fewer where the batches end before. */
  readonly steps: number
  readonly schedule: Schedule
  /** Batches of one step, whose gradients are added up: the same result as one batch of all their rows. */
  readonly accumulation?: number
  /** Measures the model on held-out data every so many steps. */
  readonly evaluation?: { readonly every: number; run(signal?: AbortSignal): Promise<number> }
  /** Ends training when the evaluated loss no longer falls; needs `evaluation`. */
  readonly earlyStopping?: EarlyStoppingOptions
}

/** What one step did. */
export interface StepReport {
  /** From 1. */
  readonly step: number
  readonly steps: number
  /** Mean loss by weight, in nats. */
  readonly loss: number
  /** Means by weight of what the objective sums up beside its loss. */
  readonly metrics: Readonly<Record<string, number>>
  /** Global norm of the gradients before clipping. */
  readonly norm: number
  readonly rate: number
  /** Tokens of this step, padding left out, and of all steps. */
  readonly tokens: number
  readonly totalTokens: number
  readonly milliseconds: number
  /** The held-out loss, where this step was followed by an evaluation. */
  readonly evaluated?: number
  /** The best held-out loss so far was just measured. */
  readonly best?: boolean
}

interface Progress {
  readonly step: number
  readonly totalTokens: number
  readonly stopped: boolean
  readonly batches: Json
  readonly earlyStopping: Json
}

/**
 * The training loop. It is blind to the algorithm: batches come in, an objective is made smaller. Each step is handed to
 * the caller, who logs, saves and stops as it likes.
 *
 * @example
 * for await (const report of trainer.run({ signal })) {
 *   if (report.step % 100 === 0) await trainer.save('state.safetensors')
 * }
 */
export class Trainer {
  private readonly loaded: LoadedModel
  private readonly options: TrainerOptions
  private readonly compiled: TrainingStep
  private readonly stopping: EarlyStopping | undefined
  private done = 0
  private totalTokens = 0
  private stopped = false

  /** @throws R1Error `bad-option` */
  constructor(loaded: LoadedModel, options: TrainerOptions) {
    this.loaded = loaded
    this.options = options
    this.compiled = new TrainingStep(loaded, options.objective, options)
    if (options.earlyStopping) {
      if (!options.evaluation) throw new R1Error('bad-option', 'Early stopping needs an evaluation to watch.')
      this.stopping = new EarlyStopping(options.earlyStopping)
    }
  }

  /** Steps that are done. */
  get step(): number {
    return this.done
  }

  /** Tokens of all these steps, padding left out. */
  get tokens(): number {
    return this.totalTokens
  }

  /**
   * Trains from where the trainer stands to the end, a report a step.
   *
   * @throws R1Error `aborted`, `not-finite`, `out-of-memory`
   */
  async *run({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<StepReport, void, void> {
    while (this.done < this.options.steps && !this.stopped) {
      if (signal?.aborted) throw new R1Error('aborted', 'Training was stopped.', { cause: signal.reason })
      const batches = await this.collect()
      if (batches.length === 0) return
      const report = await this.advance(batches)
      yield await this.evaluated(report, signal)
    }
  }

  /**
   * Runs the first step at a rate of 0 and forgets it: what does not fit into memory fails now. Rows have one length, so
   * that no later batch is longer. Call it before `restore` and `run`, which go on as if it had not been.
   *
   * @throws R1Error `out-of-memory`, `not-finite`, and what the batches throw
   */
  async preflight(): Promise<void> {
    const { batches } = this.options
    const before = batches.state()
    const first = await this.collect()
    await batches.restore(before)
    if (first.length === 0) return
    try {
      await this.compute(first, 1, 0)
    } catch (error) {
      throw R1Error.isInstance(error, 'out-of-memory') ? tooLarge(error) : error
    }
    for (const name of this.compiled.trained) {
      for (const key of [stateNames.firstMoment(name), stateNames.secondMoment(name)]) {
        const moment = this.loaded.variables.get(key)
        if (moment) (moment.data as Float32Array).fill(0)
      }
    }
  }

  /** Writes all that is needed to go on with the identical next step. @throws R1Error `disk-full`, `file-failure` */
  async save(path: string): Promise<void> {
    const progress: Progress = {
      step: this.done,
      totalTokens: this.totalTokens,
      stopped: this.stopped,
      batches: this.options.batches.state(),
      earlyStopping: this.stopping?.state() ?? null,
    }
    const names = this.compiled.trained.flatMap((name) => [
      name,
      stateNames.firstMoment(name),
      stateNames.secondMoment(name),
      stateNames.average(name),
    ])
    await writeState(path, this.loaded.variables, names, progress as unknown as Json)
  }

  /** Goes back to where `save` was called. @throws R1Error `file-not-found`, `bad-state` */
  async restore(path: string): Promise<void> {
    const progress = (await readState(path, this.loaded.variables)) as unknown as Progress
    this.done = progress.step
    this.totalTokens = progress.totalTokens
    this.stopped = progress.stopped
    await this.options.batches.restore(progress.batches)
    if (progress.earlyStopping !== null) this.stopping?.restore(progress.earlyStopping)
  }

  dispose(): void {
    this.compiled.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** The batches of the next step. */
  private async collect(): Promise<Batch[]> {
    const batches: Batch[] = []
    for (let index = 0; index < (this.options.accumulation ?? 1); index++) {
      const batch = await this.options.batches.next()
      if (!batch) break
      batches.push(batch)
    }
    return batches
  }

  private async advance(batches: readonly Batch[]): Promise<StepReport> {
    const started = performance.now()
    const step = this.done + 1
    const rate = this.options.schedule(step)
    const computed = await this.compute(batches, step, rate)
    const tokens = batches.reduce((sum, batch) => sum + tokensOf(batch), 0)
    this.done = step
    this.totalTokens += tokens
    return {
      step,
      steps: this.options.steps,
      ...computed,
      rate,
      tokens,
      totalTokens: this.totalTokens,
      milliseconds: performance.now() - started,
    }
  }

  /** Means of a step by weight, and the norm of its gradients. */
  private async compute(batches: readonly Batch[], step: number, rate: number) {
    const { objective } = this.options
    const weight = batches.reduce((sum, batch) => sum + (objective.weight ?? weightOf)(batch), 0)
    let [loss, norm] = [0, 0]
    const metrics: Record<string, number> = {}
    for (const [index, batch] of batches.entries()) {
      const sums = await this.compiled.run(batch, { index, of: batches.length, weight }, step, rate)
      loss += sums.loss
      norm = sums.norm
      for (const [name, sum] of Object.entries(sums.metrics)) metrics[name] = (metrics[name] ?? 0) + sum
    }
    const divisor = Math.max(weight, Number.MIN_VALUE)
    const means = Object.fromEntries(Object.entries(metrics).map(([name, sum]) => [name, sum / divisor]))
    return { loss: loss / divisor, metrics: means, norm }
  }

  private async evaluated(report: StepReport, signal?: AbortSignal): Promise<StepReport> {
    const { evaluation, steps } = this.options
    if (!evaluation || (report.step % evaluation.every !== 0 && report.step !== steps)) return report
    const evaluated = await evaluation.run(signal)
    const verdict = this.stopping?.observe(evaluated)
    if (verdict?.stop) this.stopped = true
    return { ...report, evaluated, ...(verdict && { best: verdict.best }) }
  }
}

function tooLarge(cause: R1Error): R1Error {
  return new R1Error('out-of-memory', 'A step of training does not fit into memory.', {
    remedy: 'Lower `batch` or `length`, raise `accumulation`, or set `checkpointing: true`.',
    cause,
  })
}
