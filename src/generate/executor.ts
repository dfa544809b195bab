import type { CacheDType } from '../models/cache.ts'
import { NDArray } from '../runtime/array.ts'
import { Variables } from '../runtime/variables.ts'
import type { ProductPhase } from '../tensor/index.ts'
import type { ForwardProgramOptions } from './compile.ts'
import type { EngineModel } from './engine-model.ts'
import { type CacheSize, cacheBuffers, copyPlaces } from './slot-cache.ts'
import { Step, type StepResult } from './step.ts'
import type { StepRow } from './step-inputs.ts'

/** The compiled steps of an engine and the memory of its cache. */
export class Executor {
  private readonly loaded: EngineModel
  private readonly size: CacheSize
  private readonly variables: Variables
  private readonly buffers: readonly string[]
  private steps: Readonly<Record<ProductPhase, Step>> | undefined
  private readonly options: ForwardProgramOptions

  private constructor(loaded: EngineModel, size: CacheSize, options: ForwardProgramOptions) {
    const { model, variables } = loaded
    this.loaded = loaded
    this.size = size
    this.options = options
    // The weights belong to whoever loaded them, the buffers of the cache to this engine alone.
    this.variables = new Variables(variables.seed, variables.device)
    for (const name of variables.names) this.variables.set(name, variables.get(name) as NDArray)
    this.buffers = cacheBuffers(model, size).map(({ name }) => name)
  }

  static async create(loaded: EngineModel, size: CacheSize, options: ForwardProgramOptions): Promise<Executor> {
    const executor = new Executor(loaded, size, options)
    try {
      await executor.start()
    } catch (error) {
      executor.dispose()
      throw error
    }
    return executor
  }

  /** Runs one step without blocking the event loop. */
  async run(phase: ProductPhase, rows: readonly StepRow[]): Promise<StepResult> {
    return await (this.steps as Readonly<Record<ProductPhase, Step>>)[phase].run(rows)
  }

  /** Copies the first places of one slot over those of another. */
  copyPrefix(from: number, to: number, length: number): void {
    for (const name of this.buffers) copyPlaces(this.variables.get(name) as NDArray<CacheDType>, from, to, length)
  }

  /** Begins anew with an empty cache. */
  async restart(): Promise<void> {
    this.dispose()
    await this.start()
  }

  /** Bytes of the cache. */
  get cacheBytes(): number {
    return this.buffers.reduce((sum, name) => sum + (this.variables.get(name)?.byteLength ?? 0), 0)
  }

  dispose(): void {
    for (const step of new Set(Object.values(this.steps ?? {}))) step.dispose()
    this.steps = undefined
    for (const name of this.buffers) this.variables.get(name)?.dispose()
  }

  private async start(): Promise<void> {
    for (const { name, shape, dtype } of cacheBuffers(this.loaded.model, this.size))
      this.variables.set(name, NDArray.zeros(shape, dtype))
    const compile = (phase: ProductPhase) => Step.compile(this.loaded, this.variables, this.size, phase, this.options)
    const decode = await compile('decode')
    this.steps = { decode, prefill: decode }
    // Only packed weights are read in two ways.
    if (this.loaded.stored?.size) this.steps = { decode, prefill: await compile('prefill') }
  }
}
