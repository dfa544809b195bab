import { resolve } from 'node:path'
import { R1Error } from '../../errors.ts'
import { checkFeeds, checkFetches } from '../binding.ts'
import type { Device } from '../device.ts'
import type { Arrays, BoundRun, RunOptions, Session, SessionOptions, ValueDescription } from '../session.ts'
import { runtime } from './api.ts'
import { NativeRun, type RunOwner } from './bound-run.ts'
import { describe, takeString } from './description.ts'
import { exclusively, inTurn, whenIdle } from './device-turn.ts'
import type { Address, OutAddress } from './functions.ts'
import type { Runtime } from './library.ts'
import { filled } from './out.ts'
import { sessionOptions } from './session-options.ts'

const abandoned = new FinalizationRegistry<() => void>((release) => release())

/** A session of the ONNX Runtime library. */
class NativeSession implements Session, RunOwner {
  readonly device: Device
  readonly inputs: readonly ValueDescription[]
  readonly outputs: readonly ValueDescription[]
  readonly #runtime: Runtime
  readonly #address: Address
  readonly #profiling: boolean
  readonly #free: () => void
  #users = 0
  #disposed = false

  constructor(runtime: Runtime, address: Address, options: SessionOptions) {
    this.#runtime = runtime
    this.#address = address
    this.device = options.device ?? 'cpu'
    this.#profiling = options.profile !== undefined
    const { device } = this
    this.#free = () => whenIdle(device, () => runtime.api.ReleaseSession(address))
    abandoned.register(this, this.#free, this)
    this.inputs = describe(runtime, address, 'Input')
    this.outputs = describe(runtime, address, 'Output')
  }

  get address(): Address {
    if (this.#disposed) throw new R1Error('disposed', 'This session has been disposed and cannot be used again.')
    return this.#address
  }

  bind(feeds: Arrays, fetches: Arrays = {}, without: ReadonlySet<string> = new Set()): BoundRun {
    const lengths = checkFeeds(this.inputs, feeds, this.device)
    checkFetches(this.outputs, fetches, this.device, lengths)
    const outputs = this.outputs.filter(({ name }) => !without.has(name))
    return new NativeRun(this.#runtime, this, { inputs: this.inputs, outputs }, feeds, fetches, lengths)
  }

  async run(feeds: Arrays, fetches?: Arrays, options?: RunOptions): Promise<Arrays> {
    using bound = this.bind(feeds, fetches)
    return await bound.run(options)
  }

  runSync(feeds: Arrays, fetches?: Arrays): Arrays {
    using bound = this.bind(feeds, fetches)
    return bound.runSync()
  }

  endProfiling(): string {
    if (!this.#profiling)
      throw new R1Error('not-profiling', 'This session is not profiled.', {
        remedy: 'Create it with the option profile.',
      })
    const session = this.address
    return takeString(this.#runtime, (address) =>
      this.#runtime.api.SessionEndProfiling(session, this.#runtime.allocator, address),
    )
  }

  hold(): void {
    this.#users++
  }

  letGo(): void {
    this.#users--
    if (this.#disposed && this.#users === 0) this.#release()
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    if (this.#users === 0) this.#release()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #release(): void {
    abandoned.unregister(this)
    this.#free()
  }
}

/** A session, compiled on a thread of its own. @throws R1Error as `createSession` */
export async function createNativeSession(model: Uint8Array | string, options: SessionOptions): Promise<Session> {
  const library = runtime()
  const { api, asynchronous, environment } = library
  return inTurn(options.device ?? 'cpu', async () => {
    const native = sessionOptions(library, options)
    try {
      const address: OutAddress = [null]
      if (typeof model === 'string') await asynchronous.CreateSession(environment, resolve(model), native, address)
      else await asynchronous.CreateSessionFromArray(environment, model, model.byteLength, native, address)
      return new NativeSession(library, filled(address), options)
    } catch (error) {
      throw modelError(error)
    } finally {
      api.ReleaseSessionOptions(native)
    }
  })
}

/** A session, compiled on this thread. @throws R1Error as `createSession` */
export function createNativeSessionSync(model: Uint8Array | string, options: SessionOptions): Session {
  const library = runtime()
  const { api, environment } = library
  return exclusively(options.device ?? 'cpu', () => {
    const native = sessionOptions(library, options)
    try {
      const address: OutAddress = [null]
      if (typeof model === 'string') api.CreateSession(environment, resolve(model), native, address)
      else api.CreateSessionFromArray(environment, model, model.byteLength, native, address)
      return new NativeSession(library, filled(address), options)
    } catch (error) {
      throw modelError(error)
    } finally {
      api.ReleaseSessionOptions(native)
    }
  })
}

/** While a model is loaded, an argument that ONNX Runtime finds wrong is the model, and so is a way out of its folder. */
function modelError(error: unknown): unknown {
  if (!R1Error.isInstance(error)) return error
  if (error.code !== 'runtime-argument' && !error.message.includes('External data path')) return error
  return new R1Error('bad-model', error.message, { remedy: 'Export or download the model again.' })
}
