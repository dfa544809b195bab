import { logitsOf, Scope } from '../../nn/index.ts'
import { NDArray } from '../../runtime/array.ts'
import { type ArrayTree, type Jit, jit } from '../../runtime/jit.ts'
import { argMax, type Tensor } from '../../tensor/index.ts'
import { type CacheArrays, emptyCache } from '../cache.ts'
import type { LoadedModel } from '../load.ts'
import type { ForwardOptions, ModelInputs } from '../model.ts'

/** The tokens of a run, row by row; padding has the segment −1. */
export interface Tokens {
  readonly ids: NDArray
  readonly positions: NDArray
  readonly segments?: NDArray
}

interface Outputs {
  /** `[B, S, V]` */
  readonly logits: Tensor
  /** i64 `[B, S]` */
  readonly best: Tensor
  readonly cache: ModelInputs['cache']
}

/** What a step over a cache gives. */
export interface StepResult {
  readonly logits: Float32Array
  readonly best: BigInt64Array
  readonly cache: CacheArrays
}

/** Runs a model in every way the conformance tests need: whole rows, and step by step over a cache. */
export class ModelRunner {
  readonly model: LoadedModel['model']
  private readonly step: Jit<ModelInputs, Outputs>

  constructor({ model, variables }: LoadedModel, kernels: boolean, options: ForwardOptions = {}) {
    this.model = model
    this.step = jit(
      (inputs: ModelInputs): Outputs => {
        const scope = new Scope()
        const { hidden, cache } = model.forward(scope, inputs, options)
        const logits = logitsOf(model.head(scope, hidden))
        return { logits, best: argMax(logits), cache }
      },
      { variables, kernels },
    )
  }

  /** Logits `[B, S, V]` of whole rows. */
  async logits(tokens: Tokens): Promise<Float32Array> {
    const { logits } = await this.run(tokens)
    return logits.data as Float32Array
  }

  /** Logits of one step over a cache, the best tokens and the cache after it. */
  async over(before: CacheArrays, tokens: Tokens): Promise<StepResult> {
    const { logits, best, cache } = await this.run({ ...tokens, cache: before })
    return { logits: logits.data as Float32Array, best: best.data as BigInt64Array, cache: cache as CacheArrays }
  }

  emptyCache(rows: number, slots: number): CacheArrays {
    return emptyCache(this.model, rows, slots)
  }

  [Symbol.dispose](): void {
    this.step.dispose()
  }

  private run(inputs: Tokens & { cache?: CacheArrays }): Promise<ArrayTree<Outputs>> {
    return this.step.run(inputs)
  }
}

/** One token a row, standing at the given positions. */
export function oneToken(ids: readonly bigint[], positions: readonly number[]): Tokens {
  return {
    ids: NDArray.from(ids, [ids.length, 1], 'i64'),
    positions: NDArray.from(positions.map(BigInt), [ids.length, 1], 'i64'),
  }
}

/** Columns `from` … `to` of `[B, S]` integers. */
export function columns(array: NDArray, from: number, to: number): NDArray {
  const [rows, width] = array.shape as [number, number]
  const data = array.data as BigInt64Array
  const parts = Array.from({ length: rows }, (_, row) => [...data.subarray(row * width + from, row * width + to)])
  return NDArray.from(parts.flat(), [rows, to - from], 'i64')
}

/** One row of `[B, S]` integers, without its padding at the end. */
export function row(array: NDArray, index: number, length: number): NDArray {
  const width = array.shape[1] as number
  const data = array.data as BigInt64Array
  return NDArray.from(data.slice(index * width, index * width + length), [1, length], 'i64')
}
