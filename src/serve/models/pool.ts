import { R1Error } from '../../errors.ts'
import type { EngineStatistics } from '../../generate/index.ts'
import type { ModelFacts, ServedModel } from './served-model.ts'

export type ModelState = 'unloaded' | 'loading' | 'ready' | 'failed'

/** A model of the server, loaded or not. */
export interface ModelStatus {
  readonly id: string
  readonly state: ModelState
  /** Since when it is known, in seconds since 1970. */
  readonly created: number
  readonly facts: ModelFacts | undefined
  readonly statistics: EngineStatistics | undefined
  /** Requests that use it now. */
  readonly users: number
}

/** A model that stays loaded until the lease is disposed. */
export interface ModelLease extends Disposable {
  readonly served: ServedModel
}

/** A model by its name, and how it is loaded. */
export interface ModelSource {
  readonly id: string
  load(signal: AbortSignal): Promise<ServedModel>
}

export interface PoolOptions {
  /** Models in memory at once; more where all of them are in use while one is loaded anew. */
  readonly mostLoaded: number
  /** After so many milliseconds without a user a model is unloaded, but not the first; 0 keeps all. */
  readonly idleMs: number
  /** Told of what happens, for the log. */
  readonly onEvent?: (event: 'loading' | 'ready' | 'failed' | 'unloaded', id: string, detail?: unknown) => void
}

/** One loading of a model. The last who leaves closes it once it is to go. */
interface Loaded {
  readonly served: ServedModel
  users: number
  leaving: boolean
}

class Entry {
  readonly source: ModelSource
  readonly created = Math.floor(Date.now() / 1000)
  loaded: Loaded | undefined
  loading: Promise<Loaded> | undefined
  failed = false
  lastUsed = performance.now()

  constructor(source: ModelSource) {
    this.source = source
  }

  get state(): ModelState {
    if (this.loaded) return 'ready'
    if (this.loading) return 'loading'
    return this.failed ? 'failed' : 'unloaded'
  }
}

/** Models by name: loaded when they are asked for, unloaded when nobody does, loaded anew while the old one still answers. */
export class ModelPool {
  private readonly entries: ReadonlyMap<string, Entry>
  private readonly options: PoolOptions
  private readonly closing = new AbortController()
  private readonly leaving = new Set<Promise<void>>()
  private readonly timer: NodeJS.Timeout | undefined

  /** @param sources at least one; the first is the default */
  constructor(sources: readonly ModelSource[], options: PoolOptions) {
    this.entries = new Map(sources.map((source) => [source.id, new Entry(source)]))
    this.options = options
    if (options.idleMs > 0) {
      this.timer = setInterval(() => this.unloadIdle(), Math.min(options.idleMs, 15_000))
      this.timer.unref()
    }
  }

  get defaultModel(): string {
    return this.entries.keys().next().value as string
  }

  has(id: string): boolean {
    return this.entries.has(id)
  }

  list(): ModelStatus[] {
    return [...this.entries.values()].map((entry) => ({
      id: entry.source.id,
      state: entry.state,
      created: entry.created,
      facts: entry.loaded?.served.facts,
      statistics: entry.loaded?.served.statistics,
      users: entry.loaded?.users ?? 0,
    }))
  }

  /**
   * A model, loaded if need be.
   *
   * @param id the default model without it
   * @throws R1Error `model-not-found`, `overloaded` where no other model can make room, and what loading throws
   */
  async acquire(id: string = this.defaultModel, signal?: AbortSignal): Promise<ModelLease> {
    const entry = this.entry(id)
    let loaded = await abortable(this.loadedOf(entry), signal)
    // It may have been unloaded in the very moment in which it was there.
    while (loaded.leaving) loaded = await abortable(this.loadedOf(entry), signal)
    loaded.users++
    entry.lastUsed = performance.now()
    let held = true
    return {
      served: loaded.served,
      [Symbol.dispose]: () => {
        if (!held) return
        held = false
        loaded.users--
        entry.lastUsed = performance.now()
        if (loaded.leaving && loaded.users === 0) this.dispose(loaded)
      },
    }
  }

  /**
   * Loads a model anew from where it lies. Requests under way end with the old one; if loading fails the old one stays.
   *
   * @throws R1Error `model-not-found`, and what loading throws
   */
  async reload(id: string): Promise<void> {
    const entry = this.entry(id)
    // A loading that is under way may have read the files before they changed.
    await entry.loading?.catch(() => undefined)
    const old = entry.loaded
    await this.load(entry)
    if (old) this.retire(old)
  }

  /** Unloads a model; requests under way end with it. */
  unload(id: string): void {
    this.drop(this.entry(id))
  }

  /** Stops all work and frees all models. */
  async close(): Promise<void> {
    clearInterval(this.timer)
    this.closing.abort(new R1Error('draining', 'The server is shutting down.'))
    for (const entry of this.entries.values()) {
      await entry.loading?.catch(() => undefined)
      if (entry.loaded) {
        this.dispose(entry.loaded)
        entry.loaded = undefined
      }
    }
    await Promise.all(this.leaving)
  }

  private entry(id: string): Entry {
    const entry = this.entries.get(id)
    if (entry) return entry
    throw new R1Error('model-not-found', `There is no model ${JSON.stringify(id.slice(0, 200))} here.`, {
      remedy: `Use one of: ${[...this.entries.keys()].join(', ')}.`,
    })
  }

  private loadedOf(entry: Entry): Promise<Loaded> {
    if (entry.loaded) return Promise.resolve(entry.loaded)
    return entry.loading ?? this.load(entry)
  }

  private load(entry: Entry): Promise<Loaded> {
    const { source } = entry
    const loading = (async () => {
      this.makeRoom(entry)
      this.options.onEvent?.('loading', source.id)
      const started = performance.now()
      const served = await source.load(this.closing.signal)
      this.options.onEvent?.('ready', source.id, { milliseconds: Math.round(performance.now() - started) })
      return { served, users: 0, leaving: false }
    })()
    entry.loading = loading
    loading.then(
      (loaded) => {
        entry.loaded = loaded
        entry.loading = undefined
        entry.failed = false
        entry.lastUsed = performance.now()
      },
      (error: unknown) => {
        entry.loading = undefined
        entry.failed = true
        this.options.onEvent?.('failed', source.id, error)
      },
    )
    return loading
  }

  /** Unloads the model that was not used for longest, where there would be too many. */
  private makeRoom(coming: Entry): void {
    const others = [...this.entries.values()].filter((entry) => entry !== coming && (entry.loaded || entry.loading))
    if (others.length < this.options.mostLoaded) return
    const [oldest] = others
      .filter(({ loaded }) => loaded?.users === 0)
      .sort((left, right) => left.lastUsed - right.lastUsed)
    if (!oldest) {
      throw new R1Error('overloaded', 'All models that fit into memory are in use.', { remedy: 'Try again later.' })
    }
    this.drop(oldest)
  }

  private unloadIdle(): void {
    const before = performance.now() - this.options.idleMs
    for (const [id, entry] of this.entries) {
      if (id !== this.defaultModel && entry.loaded?.users === 0 && entry.lastUsed < before) this.drop(entry)
    }
  }

  private drop(entry: Entry): void {
    const { loaded } = entry
    entry.loaded = undefined
    if (loaded) this.retire(loaded)
  }

  private retire(loaded: Loaded): void {
    loaded.leaving = true
    if (loaded.users === 0) this.dispose(loaded)
  }

  private dispose({ served }: Loaded): void {
    const gone = served.close().finally(() => {
      this.leaving.delete(gone)
      this.options.onEvent?.('unloaded', served.id)
    })
    this.leaving.add(gone)
  }
}

/** A promise that its user may stop waiting for; what it stands for goes on. */
async function abortable<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (!signal) return await promise
  signal.throwIfAborted()
  let stop: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    if (stop) signal.removeEventListener('abort', stop)
  }
}
