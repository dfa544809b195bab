import type { LoadedModel } from '../models/load.ts'
import { Scope, tokenLogProbabilities } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { type JitOptions, jit } from '../runtime/jit.ts'
import type { Tensor } from '../tensor/index.ts'
import { forwardPass, type TracedBatch } from '../train/objective.ts'
import { presentArrays } from '../train/step.ts'
import type { PackedExperiences } from './experience.ts'
import { tokenValues } from './objective.ts'

/** Which columns are worked out before the first update on a set of completions. */
export interface ScoreWishes {
  /** ln π of the trainer's own weights. */
  readonly old: boolean
  /** ln π of the reference. */
  readonly reference: boolean
  /** The value head's. */
  readonly values: boolean
}

/** Columns of each experience, `[C]`. */
export type ScoreColumns = Readonly<Partial<Record<keyof ScoreWishes, readonly Float32Array[]>>>

/** The reference's parameters are the variables behind this name. */
export const referenceScope = 'reference'

/** Makes the weights of now the reference. */
export function keepReference({ model, variables }: LoadedModel): void {
  for (const { name } of model.parameters()) {
    const now = variables.get(name) as NDArray
    const kept = variables.get(`${referenceScope}.${name}`)
    if (kept) kept.bytes.set(now.bytes)
    else variables.set(`${referenceScope}.${name}`, NDArray.from((now as NDArray<'f32'>).data, now.shape))
  }
}

/** Forward passes of the trainer's graph over completions, for what has to be known before they are learnt from. */
export class Scores {
  private readonly wishes: ScoreWishes
  private readonly compiled

  constructor(
    { model, variables }: LoadedModel,
    wishes: ScoreWishes,
    options: Pick<JitOptions, 'precision' | 'threads' | 'spinning' | 'kernels'> = {},
  ) {
    this.wishes = wishes
    this.compiled = jit(
      ({ batch }: { batch: TracedBatch }) => {
        const pass = forwardPass(model, new Scope(), batch)
        const columns: Partial<Record<keyof ScoreWishes, Tensor>> = {}
        if (wishes.old) columns.old = tokenLogProbabilities(pass.head, batch.targets).logProbability
        if (wishes.values) columns.values = tokenValues(pass)
        if (wishes.reference) {
          const frozen = new Scope({ trainable: () => false }, referenceScope)
          const { head } = forwardPass(model, frozen, batch)
          columns.reference = tokenLogProbabilities(head, batch.targets).logProbability
        }
        return columns as Record<string, Tensor>
      },
      { variables, reuseOutputs: true, ...options },
    )
  }

  /** Nothing is wished for. */
  get isEmpty(): boolean {
    return !Object.values(this.wishes).some(Boolean)
  }

  async of(packed: PackedExperiences): Promise<ScoreColumns> {
    const wanted = (Object.keys(this.wishes) as (keyof ScoreWishes)[]).filter((name) => this.wishes[name])
    const found = new Map<string, Float32Array[]>(wanted.map((name) => [name, []]))
    for (const batch of packed.batches) {
      const columns = await this.compiled.run({ batch: presentArrays(batch) })
      for (const name of wanted) found.get(name)?.push((columns[name] as NDArray<'f32'>).data.slice())
    }
    return Object.fromEntries([...found].map(([name, values]) => [name, packed.split(values)]))
  }

  dispose(): void {
    this.compiled.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
