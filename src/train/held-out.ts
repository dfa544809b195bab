import { R1Error } from '../errors.ts'
import type { LoadedModel } from '../models/load.ts'
import { Scope } from '../nn/index.ts'
import { jit } from '../runtime/jit.ts'
import { type Batch, weightOf } from './batch.ts'
import { forwardPass, type Objective, type TracedBatch } from './objective.ts'
import { presentArrays, type StepOptions } from './step.ts'

/** Measures an objective on data that is not trained on; compiled once, used at every look. */
export class HeldOut {
  private readonly batches: readonly Batch[]
  private readonly objective: Objective
  private readonly compiled

  /** @param batches kept in memory: a look reads all of them */
  constructor(
    { model, variables }: LoadedModel,
    objective: Objective,
    batches: readonly Batch[],
    options: Pick<StepOptions, 'precision' | 'scope' | 'threads'> = {},
  ) {
    const { scope, ...jitOptions } = options
    this.batches = batches
    this.objective = objective
    this.compiled = jit(
      ({ batch }: { batch: TracedBatch }) => {
        const { loss, metrics = {} } = objective.sums(forwardPass(model, new Scope(scope), batch))
        return { loss, metrics }
      },
      { variables, reuseOutputs: true, ...jitOptions },
    )
  }

  /** The mean loss over all batches, and the means of the objective's metrics. @throws R1Error `aborted` */
  async measure(signal?: AbortSignal): Promise<{ readonly loss: number } & Readonly<Record<string, number>>> {
    const sums: Record<string, number> = {}
    let weight = 0
    for (const batch of this.batches) {
      if (signal?.aborted) throw new R1Error('aborted', 'Measuring was stopped.', { cause: signal.reason })
      const { loss, metrics } = await this.compiled.run({ batch: presentArrays(batch) })
      for (const [name, sum] of Object.entries({ loss, ...metrics })) {
        sums[name] = (sums[name] ?? 0) + (sum.toNumbers()[0] as number)
      }
      weight += (this.objective.weight ?? weightOf)(batch)
    }
    const means = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / weight]))
    return { loss: Number.NaN, ...means }
  }

  dispose(): void {
    this.compiled.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
