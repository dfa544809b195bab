import { setTimeout as sleep } from 'node:timers/promises'
import { R1Error } from '../../errors.ts'
import type { EngineLike } from '../engine-like.ts'
import { aborted, cannotGenerate, defaultQueue, defaultSlots, type EngineOptions } from '../engine-options.ts'
import { type QueueLimits, queueFull } from '../queue.ts'
import { checkRequest, type TokenRequest } from '../request.ts'
import { type EngineStatistics, noStatistics, sumStatistics } from '../statistics.ts'
import type { LoadTextOptions } from '../text/text-model.ts'
import type { TokenStream } from '../token-stream.ts'
import { DistantText } from './distant-text.ts'
import { errorOf, type Report, type WorkerEvent, type WorkerFacts, type WorkerModel } from './messages.ts'
import { engineDied, WorkerProcess } from './worker-process.ts'

export interface EngineWorkerOptions extends EngineOptions, Pick<LoadTextOptions, 'weights' | 'signal'> {}

/** Waiting before another start doubles with each one in vain, up to this many milliseconds. */
const longestDelay = 30_000

/** Vectors that were asked for. */
interface DistantVectors {
  readonly texts: readonly Int32Array[]
  readonly resolve: (vectors: Float32Array[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * An engine in a process of its own: a crash of it ends neither this process nor its event loop, and is mended by starting
 * it anew. Requests under way then fail with `engine-died`, and may be made again at once.
 *
 * @example
 * await using engine = await EngineWorker.start('./model.gguf', { slots: 8 })
 * for await (const { id } of engine.generate({ prompt: [1, 2, 3] })) …
 */
export class EngineWorker implements EngineLike {
  readonly facts: WorkerFacts
  private readonly model: WorkerModel
  private readonly limits: QueueLimits
  private readonly slots: number
  private readonly texts = new Map<number, DistantText>()
  private readonly vectors = new Map<number, DistantVectors>()
  private readonly scratch: Float32Array
  private readonly closing = new AbortController()
  /** The process, while it can be asked. */
  private process: WorkerProcess | undefined
  /** What ended processes have counted, and what this one says. */
  private before: EngineStatistics
  private now: EngineStatistics
  /** Deaths since the last text that was finished. */
  private deaths = 0
  private reviving: Promise<void> | undefined
  private nextId = 0

  private constructor(model: WorkerModel, facts: WorkerFacts) {
    const { slots = defaultSlots, queue } = model.engine
    this.model = model
    this.facts = facts
    this.slots = slots
    this.limits = { ...defaultQueue, ...queue }
    this.scratch = new Float32Array(facts.vocabulary)
    this.before = noStatistics(slots)
    this.now = noStatistics(slots)
  }

  /**
   * Starts a process that loads a model.
   *
   * @param model a folder, a .gguf or .safetensors file, or a model on the hub
   * @throws R1Error `engine-died`, `aborted`, and what loading and `Engine.create` throw
   */
  static async start(model: string, { weights, signal, ...engine }: EngineWorkerOptions = {}): Promise<EngineWorker> {
    const plan: WorkerModel = { model, weights, engine }
    const reports: Report[] = []
    let worker: EngineWorker | undefined
    const started = await WorkerProcess.start(
      plan,
      (report) => (worker ? worker.hear(report) : reports.push(report)),
      (how) => worker?.mourn(how),
      signal,
    )
    worker = new EngineWorker(plan, started.facts)
    worker.process = started
    for (const report of reports) worker.hear(report)
    return worker
  }

  get context(): number {
    return this.facts.context
  }

  /** Id of the process; undefined while there is none. */
  get pid(): number | undefined {
    return this.process?.pid
  }

  get statistics(): EngineStatistics {
    const sum = sumStatistics(this.before, this.now)
    return this.process ? sum : { ...sum, running: 0, waiting: this.texts.size }
  }

  generate(request: TokenRequest): TokenStream {
    const { modelType, vocabulary, context, generates } = this.facts
    this.checkOpen()
    if (!generates) throw cannotGenerate({ modelType })
    checkRequest(request, vocabulary, context)
    const { signal } = request
    if (signal?.aborted) throw aborted(signal)
    this.checkRoom(request.prompt.length)
    const id = this.nextId++
    const text = new DistantText(
      request,
      {
        tell: (wish) => this.process?.send({ kind: 'wish', id, wish }),
        leave: () => {
          this.texts.delete(id)
          this.process?.send({ kind: 'cancel', id })
        },
        scratch: this.scratch,
      },
      () => text.fail(new R1Error('aborted', 'The text was left before its end.')),
    )
    this.texts.set(id, text)
    if (signal) {
      const abort = () => text.fail(aborted(signal))
      signal.addEventListener('abort', abort, { once: true })
      const forget = () => signal.removeEventListener('abort', abort)
      text.stream.finish.then(forget, forget)
    }
    this.sendText(id, text)
    return text.stream
  }

  /**
   * @param texts tokens of each text
   * @returns for each a vector `[D]` of length 1
   * @throws R1Error `empty-prompt`, `context-too-long`, `aborted`, `engine-died`, `disposed`
   */
  async embed(texts: readonly ArrayLike<number>[], signal?: AbortSignal): Promise<Float32Array[]> {
    this.checkOpen()
    if (signal?.aborted) throw aborted(signal)
    const id = this.nextId++
    const stop = () => this.settleVectors(id)?.reject(aborted(signal as AbortSignal))
    signal?.addEventListener('abort', stop, { once: true })
    try {
      return await new Promise<Float32Array[]>((resolve, reject) => {
        const asked = { texts: texts.map((text) => Int32Array.from(text)), resolve, reject }
        this.vectors.set(id, asked)
        this.process?.send({ kind: 'embed', id, texts: asked.texts })
      })
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  async close(): Promise<void> {
    if (this.closing.signal.aborted) return
    this.closing.abort()
    this.failAll(new R1Error('disposed', 'The engine was closed.'))
    await this.reviving
    await this.process?.stop()
    this.process = undefined
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private checkOpen(): void {
    if (this.closing.signal.aborted) throw new R1Error('disposed', 'This engine has been closed.')
  }

  /** The same limits as those of the engine, kept here because its answer would come too late. */
  private checkRoom(size: number): void {
    const waiting = [...this.texts.values()].filter(({ hasBegun }) => !hasBegun).slice(this.slots)
    const tokens = waiting.reduce((sum, text) => sum + text.size, 0)
    const isFull = waiting.length > 0 && tokens + size > this.limits.tokens
    if (waiting.length >= this.limits.requests || isFull) throw queueFull(waiting.length)
  }

  private sendText(id: number, text: DistantText): void {
    if (!this.process) return
    const { guide: _, signal: __, prompt, stopIds, ...others } = text.request
    const request = { ...others, prompt: Int32Array.from(prompt), stopIds: [...(stopIds ?? [])] }
    this.process.send({ kind: 'generate', id, request, guidance: text.guidance })
    text.begin()
  }

  private hear(report: Report): void {
    if (report.kind === 'refused') return
    if (report.statistics) this.now = report.statistics
    if (report.kind === 'events') for (const event of report.events) this.take(event)
  }

  private take(event: WorkerEvent): void {
    const text = this.texts.get(event.id)
    if (event.kind === 'token') text?.token(event.token)
    else if (event.kind === 'finish') {
      this.deaths = 0
      text?.finish(event.finish)
    } else if (event.kind === 'vectors') this.settleVectors(event.id)?.resolve([...event.vectors])
    else {
      text?.fail(errorOf(event.error))
      this.settleVectors(event.id)?.reject(errorOf(event.error))
    }
  }

  private settleVectors(id: number): DistantVectors | undefined {
    const asked = this.vectors.get(id)
    this.vectors.delete(id)
    return asked
  }

  private failAll(error: R1Error): void {
    for (const text of [...this.texts.values()]) text.fail(error)
    for (const id of [...this.vectors.keys()]) this.settleVectors(id)?.reject(error)
  }

  /** The process has ended by itself. */
  private mourn(how: string): void {
    if (this.closing.signal.aborted || !this.process) return
    this.process = undefined
    this.deaths++
    const failed = this.now.failed + this.texts.size
    this.before = sumStatistics(this.before, { ...this.now, failed, restarts: this.now.restarts + 1 })
    this.now = noStatistics(this.slots)
    this.failAll(engineDied(how))
    this.reviving = this.revive()
  }

  /** Starts processes until one runs. Who waits for one that cannot be started is told so. */
  private async revive(): Promise<void> {
    const { signal } = this.closing
    while (!signal.aborted) {
      // The first death is followed by a new start at once.
      const delay = this.deaths > 1 ? Math.min(longestDelay, 125 * 2 ** this.deaths) : 0
      await sleep(delay, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      try {
        let current: WorkerProcess | undefined
        current = await WorkerProcess.start(
          this.model,
          (report) => this.hear(report),
          (how) => current && this.mourn(how),
          signal,
        )
        this.process = current
        for (const [id, text] of this.texts) this.sendText(id, text)
        for (const [id, { texts }] of this.vectors) this.process.send({ kind: 'embed', id, texts })
        return
      } catch (cause) {
        this.deaths++
        this.failAll(engineDied('it could not be started again', cause))
      }
    }
  }
}
