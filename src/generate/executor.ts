import type { LoadedModel, Model } from '../models/index.ts'
import { NDArray } from '../runtime/array.ts'
import type { ProgramOptions } from '../runtime/program.ts'
import { Variables } from '../runtime/variables.ts'
import { type CacheSize, cacheBuffers, copyPlaces } from './slot-cache.ts'
import { Step, type StepResult, type StepRow } from './step.ts'

/** The compiled steps of an engine and the memory of its cache. */
export class Executor {
  private readonly model: Model
  private readonly size: CacheSize
  private readonly variables: Variables
  private readonly buffers: readonly string[]
  private step: Step | undefined
  private readonly options: ProgramOptions

  private constructor({ model, variables }: LoadedModel, size: CacheSize, options: ProgramOptions) {
    this.model = model
    this.size = size
    this.options = options
    // The weights belong to whoever loaded them, the buffers of the cache to this engine alone.
    this.variables = new Variables(variables.seed, variables.device)
    for (const name of variables.names) this.variables.set(name, variables.get(name) as NDArray)
    this.buffers = cacheBuffers(model, size).map(({ name }) => name)
  }

  static async create(loaded: LoadedModel, size: CacheSize, options: ProgramOptions): Promise<Executor> {
    const executor = new Executor(loaded, size, options)
    await executor.start()
    return executor
  }

  get vocabulary(): number {
    return this.model.vocabulary
  }

  /** Runs one step without blocking the event loop. */
  async run(rows: readonly StepRow[]): Promise<StepResult> {
    return await (this.step as Step).run(rows)
  }

  /** Copies the first places of one slot over those of another. */
  copyPrefix(from: number, to: number, length: number): void {
    for (const name of this.buffers) copyPlaces(this.variables.get(name) as NDArray<'f32' | 'f16'>, from, to, length)
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
    this.step?.dispose()
    this.step = undefined
    for (const name of this.buffers) this.variables.get(name)?.dispose()
  }

  private async start(): Promise<void> {
    for (const { name, shape, dtype } of cacheBuffers(this.model, this.size))
      this.variables.set(name, NDArray.zeros(shape, dtype))
    this.step = await Step.compile(this.model, this.variables, this.size, this.options)
  }
}
