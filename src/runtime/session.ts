import { R1Error } from '../errors.ts'
import type { DType } from '../tensor/dtype.ts'
import type { NDArray } from './array.ts'
import { type Device, parseDevice } from './device.ts'
import { createNativeSession, createNativeSessionSync } from './ort/session.ts'

/** An input or output of a session. An axis is a number, a name for a length given by the feeds, or '' for any length. */
export interface ValueDescription {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly (number | string)[]
}

/** Arrays by name. */
export type Arrays = Readonly<Record<string, NDArray>>

export interface RunOptions {
  /** Stops the run between two operators; arrays it writes in place are then half written. */
  readonly signal?: AbortSignal
}

/** A run whose arrays were checked and bound once: repeating it costs microseconds above the graph itself. */
export interface BoundRun {
  /** The arrays that every run writes: those given as fetches, and new ones for the other outputs. */
  readonly outputs: Arrays
  /**
   * Runs without blocking the event loop.
   *
   * @throws R1Error `aborted`, `busy` (an array or this run is in use by a run under way), `disposed` or the runtime's own
   */
  run(options?: RunOptions): Promise<Arrays>
  /** Runs and blocks. @throws R1Error as `run` */
  runSync(): Arrays
  dispose(): void
  [Symbol.dispose](): void
}

/** A compiled graph on a device. */
export interface Session {
  readonly device: Device
  readonly inputs: readonly ValueDescription[]
  readonly outputs: readonly ValueDescription[]
  /**
   * Checks the arrays and binds them for many runs.
   *
   * @param feeds one array for every input
   * @param fetches arrays to write outputs into; a fed array may be fetched too, and is then updated in place
   * @param without outputs that are left out
   * @throws R1Error `unknown-input`, `missing-input`, `unknown-output`, `dtype-mismatch`, `shape-mismatch`, `device-mismatch`
   */
  bind(feeds: Arrays, fetches?: Arrays, without?: ReadonlySet<string>): BoundRun
  /** Runs once without blocking the event loop. @throws R1Error as `bind` and `BoundRun.run` */
  run(feeds: Arrays, fetches?: Arrays, options?: RunOptions): Promise<Arrays>
  /** Runs once and blocks. @throws R1Error as `bind` and `BoundRun.run` */
  runSync(feeds: Arrays, fetches?: Arrays): Arrays
  /** Ends profiling and answers the path of the profile (Chrome's trace format). @throws R1Error `not-profiling` */
  endProfiling(): string
  /** Frees the session, at once or when the runs under way have ended. */
  dispose(): void
  [Symbol.dispose](): void
}

export type Optimization = 'disabled' | 'basic' | 'extended' | 'all'

export interface SessionOptions {
  readonly device?: Device
  /** Threads that one operator is spread over; all cores when left out. */
  readonly threads?: number
  /** Waiting threads burn the processor for a moment: faster steps, but costly where cores are shared. On, unless R1_SPINNING=off. */
  readonly spinning?: boolean
  /**
   * Threads stop spinning when a run ends. Where sessions take turns, the threads of the last one would otherwise burn the
   * cores that the next one computes on; where one session runs again and again, waking them costs a little.
   */
  readonly restBetweenRuns?: boolean
  /** ONNX Runtime's own rewriting of the graph; off by default, since our graphs come fused and it undoes checkpointing. */
  readonly optimization?: Optimization
  /** Paths of libraries with custom operators. */
  readonly libraries?: readonly string[]
  /** Prefix of the profile's path; each operator is then timed. */
  readonly profile?: string
  /** Folder of the external data of a model given as bytes. */
  readonly folder?: string
  /** Reuse memory by a plan made at the first run of each shape. On by default. */
  readonly memoryPattern?: boolean
  /** Keep freed memory of the session for its next run. On by default. */
  readonly arena?: boolean
}

/**
 * Compiles a model without blocking the event loop.
 *
 * @param model an ONNX model's bytes, or the path of its file (external data is found beside it)
 * @throws R1Error `bad-model`, `model-missing`, `unsupported-operator`, `bad-kernels`, `device-missing`, `runtime-…`
 */
export function createSession(model: Uint8Array | string, options: SessionOptions = {}): Promise<Session> {
  return createNativeSession(model, checked(options))
}

/** As `createSession`, blocking. */
export function createSessionSync(model: Uint8Array | string, options: SessionOptions = {}): Session {
  return createNativeSessionSync(model, checked(options))
}

function checked(options: SessionOptions): SessionOptions {
  const { threads, device } = options
  if (device !== undefined) parseDevice(device)
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1))
    throw new R1Error('bad-option', `A session cannot have ${threads} threads.`, { remedy: 'Use a whole number ≥ 1.' })
  return options
}
