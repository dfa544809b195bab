import { R1Error } from '../../errors.ts'
import { NDArray } from '../array.ts'
import { knownShape, type NamedLengths } from '../binding.ts'
import type { Device } from '../device.ts'
import type { Arrays, BoundRun, RunOptions, ValueDescription } from '../session.ts'
import { exclusively, inTurn } from './device-turn.ts'
import type { Address } from './functions.ts'
import type { Runtime } from './library.ts'
import { nameTable, pointerTable } from './name-table.ts'
import { out } from './out.ts'
import { ortValueOf, takeValue } from './value.ts'

/** What a run needs of its session. */
export interface RunOwner {
  readonly device: Device
  /** `OrtSession *`. @throws R1Error `disposed` */
  readonly address: Address
  /** Called before and after an asynchronous run, which the session outlives. */
  hold(): void
  letGo(): void
}

const abandoned = new FinalizationRegistry<() => void>((release) => release())

/** A run of an ONNX Runtime session with its names, values and options laid out in C's form. */
export class NativeRun implements BoundRun {
  readonly outputs: Arrays
  readonly #runtime: Runtime
  readonly #owner: RunOwner
  readonly #read: readonly NDArray[]
  readonly #written: readonly NDArray[]
  readonly #inputNames
  readonly #inputValues
  readonly #outputNames
  readonly #outputValues
  /** Outputs whose shape only the run can tell: ONNX Runtime allocates them. */
  readonly #unknown: readonly { readonly name: string; readonly index: number }[]
  #runOptions: Address | undefined
  #running = false
  #disposed = false

  constructor(
    runtime: Runtime,
    owner: RunOwner,
    description: { readonly inputs: readonly ValueDescription[]; readonly outputs: readonly ValueDescription[] },
    feeds: Arrays,
    fetches: Arrays,
    lengths: NamedLengths,
  ) {
    this.#runtime = runtime
    this.#owner = owner
    const { inputs, outputs } = description
    const fed = inputs.map(({ name }) => feeds[name] as NDArray)
    const fetched = outputs.map((output) => fetches[output.name] ?? allocateOutput(output, lengths))
    this.#inputNames = nameTable(inputs.map(({ name }) => name))
    this.#outputNames = nameTable(outputs.map(({ name }) => name))
    this.#inputValues = pointerTable(inputs.length)
    this.#outputValues = pointerTable(outputs.length)
    for (const [index, array] of fed.entries()) this.#inputValues.entries[index] = ortValueOf(runtime, array)
    for (const [index, array] of fetched.entries())
      if (array !== undefined) this.#outputValues.entries[index] = ortValueOf(runtime, array)
    const known = outputs.flatMap(({ name }, index) => (fetched[index] ? [[name, fetched[index]] as const] : []))
    this.outputs = Object.fromEntries(known)
    this.#unknown = outputs.flatMap(({ name }, index) => (fetched[index] ? [] : [{ name, index }]))
    const written = new Set(known.map(([, array]) => array))
    this.#written = [...written]
    this.#read = [...new Set(fed)].filter((array) => !written.has(array))
  }

  runSync(): Arrays {
    this.#assertReady()
    const { address, device } = this.#owner
    return exclusively(device, () => {
      this.#runtime.api.Run(address, null, ...this.#tables)
      return this.#collect()
    })
  }

  async run({ signal }: RunOptions = {}): Promise<Arrays> {
    if (signal?.aborted) throw aborted(signal)
    this.#assertReady()
    const { api, asynchronous } = this.#runtime
    const { address, device } = this.#owner
    const options = signal === undefined ? null : this.#terminable
    const terminate = () => options !== null && api.RunOptionsSetTerminate(options)
    this.#begin()
    signal?.addEventListener('abort', terminate, { once: true })
    try {
      return await inTurn(device, async () => {
        await asynchronous.Run(address, options, ...this.#tables)
        return this.#collect()
      })
    } catch (error) {
      throw signal?.aborted ? aborted(signal) : error
    } finally {
      signal?.removeEventListener('abort', terminate)
      if (signal?.aborted && options !== null) api.RunOptionsUnsetTerminate(options)
      this.#end()
    }
  }

  dispose(): void {
    this.#disposed = true
    if (!this.#running) this.#releaseOptions()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  get #tables() {
    const { entries: inputs } = this.#inputValues
    const { entries: outputs } = this.#outputValues
    return [
      this.#inputNames.address,
      this.#inputValues.address,
      inputs.length,
      this.#outputNames.address,
      outputs.length,
      this.#outputValues.address,
    ] as const
  }

  /** `OrtRunOptions *`, through which a run is stopped. */
  get #terminable(): Address {
    if (this.#runOptions === undefined) {
      const { api } = this.#runtime
      const options = out((address) => api.CreateRunOptions(address))
      this.#runOptions = options
      abandoned.register(this, () => api.ReleaseRunOptions(options), this)
    }
    return this.#runOptions
  }

  #assertReady(): void {
    if (this.#disposed) throw new R1Error('disposed', 'This run has been disposed and cannot be used again.')
    if (this.#running) throw busy('This run is under way already.')
    for (const array of this.#written) {
      array.assertUsable()
      if (array.inUse) throw busy(`Another run under way uses ${array}, which this run would write.`)
    }
    for (const array of this.#read) {
      array.assertUsable()
      if (array.beingWritten) throw busy(`Another run under way writes ${array}, which this run would read.`)
    }
  }

  #begin(): void {
    this.#running = true
    this.#owner.hold()
    for (const array of this.#written) array.hold('write')
    for (const array of this.#read) array.hold('read')
  }

  #end(): void {
    this.#running = false
    for (const array of this.#written) array.letGo()
    for (const array of this.#read) array.letGo()
    this.#owner.letGo()
    if (this.#disposed) this.#releaseOptions()
  }

  #collect(): Arrays {
    if (this.#unknown.length === 0) return this.outputs
    const results: Record<string, NDArray> = { ...this.outputs }
    const { entries } = this.#outputValues
    for (const { name, index } of this.#unknown) {
      const value = entries[index] as Address
      entries[index] = 0n
      results[name] = takeValue(this.#runtime, value)
    }
    return results
  }

  #releaseOptions(): void {
    if (this.#runOptions === undefined) return
    abandoned.unregister(this)
    this.#runtime.api.ReleaseRunOptions(this.#runOptions)
    this.#runOptions = undefined
  }
}

function allocateOutput(output: ValueDescription, lengths: NamedLengths): NDArray | undefined {
  const shape = knownShape(output, lengths)
  return shape && NDArray.zeros(shape, output.dtype)
}

function busy(message: string): R1Error {
  return new R1Error('busy', message, { remedy: 'Await the other run first, or bind other arrays.' })
}

function aborted(signal: AbortSignal): R1Error {
  return new R1Error('aborted', 'The run was aborted.', { cause: signal.reason })
}
