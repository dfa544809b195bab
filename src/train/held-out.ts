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
    options: Pick<StepOptions, 'precision' | 'scope'> = {},
  ) {
    const { scope, ...jitOptions } = options
    this.batches = batches
    this.objective = objective
    this.compiled = jit(
      ({ batch }: { batch: TracedBatch }) => objective.sums(forwardPass(model, new Scope(scope), batch)).loss,
      { variables, reuseOutputs: true, ...jitOptions },
    )
  }

  /** The mean loss over all batches. @throws R1Error `aborted` */
  async loss(signal?: AbortSignal): Promise<number> {
    let [sum, weight] = [0, 0]
    for (const batch of this.batches) {
      if (signal?.aborted) throw new R1Error('aborted', 'Measuring was stopped.', { cause: signal.reason })
      const loss = await this.compiled.run({ batch: presentArrays(batch) })
      sum += loss.toNumbers()[0] as number
      weight += (this.objective.weight ?? weightOf)(batch)
    }
    return sum / weight
  }

  dispose(): void {
    this.compiled.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
