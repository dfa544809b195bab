import { R1Error } from '../errors.ts'
import type { CacheDType } from '../models/cache.ts'
import type { Model } from '../models/index.ts'
import type { EngineLike } from './engine-like.ts'
import type { EngineModel } from './engine-model.ts'
import {
  aborted,
  type CacheType,
  cannotGenerate,
  defaultQueue,
  defaultSlots,
  type EngineOptions,
} from './engine-options.ts'
import { Executor } from './executor.ts'
import { longestDraft } from './lookup.ts'
import { RequestQueue } from './queue.ts'
import { checkRequest, checkWhole, type TokenRequest } from './request.ts'
import { Scheduler } from './scheduler.ts'
import { Sequence } from './sequence.ts'
import { Counters, type EngineStatistics } from './statistics.ts'
import type { TokenStream } from './token-stream.ts'

export type { CacheType, EngineOptions }

const cacheTypes: Readonly<Record<CacheType, CacheDType>> = { f32: 'f32', f16: 'f16', int8: 'i8' }

/** After so many failures in a row, without one good step between them, waiting requests fail too. */
const mostFailures = 3

/**
 * Generates: many requests at once over one model. Requests share every step (continuous batching), prompts are computed in
 * parts between the steps of running texts, and beginnings in common are computed once. A text depends on its request
 * alone, not on what else runs.
 */
export class Engine implements EngineLike {
  readonly model: Model
  readonly context: number
  private readonly executor: Executor
  private readonly scheduler: Scheduler
  private readonly queue: RequestQueue<Sequence>
  private readonly counters = new Counters()
  private failures = 0
  private loop: Promise<void> | undefined
  private closed = false

  private constructor(
    model: Model,
    executor: Executor,
    options: Required<Pick<EngineOptions, 'slots' | 'context' | 'chunk' | 'queue'>>,
  ) {
    this.model = model
    this.context = options.context
    this.executor = executor
    this.scheduler = new Scheduler(executor, options, this.counters)
    this.queue = new RequestQueue({ ...defaultQueue, ...options.queue })
  }

  /**
   * Compiles a model's steps and makes its cache.
   *
   * @throws R1Error `bad-option`, `no-cache` for a model that cannot generate, `out-of-memory`
   */
  static async create(loaded: EngineModel, options: EngineOptions = {}): Promise<Engine> {
    const { model } = loaded
    if (!generates(model)) throw cannotGenerate(model)
    const { slots = defaultSlots, context = Math.min(model.positions, 2048), chunk = 256, ...others } = options
    const { queue = {}, cacheType = 'f16', ...program } = others
    checkWhole('slots', slots, 1, 1024)
    checkWhole('context', context, 2, model.positions)
    checkWhole('chunk', chunk, 1, 65536)
    const dtype = cacheTypes[cacheType]
    if (!dtype) {
      throw new R1Error('bad-option', `cacheType cannot be ${String(cacheType)}.`, {
        remedy: `Use ${Object.keys(cacheTypes).join(', ')}.`,
      })
    }
    // A row that is shorter than the longest of its step is filled up behind its last token.
    const size = { slots, tokens: context + longestDraft + 1, dtype }
    const executor = await Executor.create(loaded, size, program)
    return new Engine(model, executor, { slots, context, chunk, queue })
  }

  generate(request: TokenRequest): TokenStream {
    if (this.closed) throw new R1Error('disposed', 'This engine has been closed.')
    checkRequest(request, this.model.vocabulary, this.context)
    const { signal } = request
    if (signal?.aborted) throw aborted(signal)
    const sequence = new Sequence(request, this.context)
    this.queue.add(sequence)
    if (signal) {
      const abort = () => {
        sequence.cancel(aborted(signal))
        this.wake()
      }
      signal.addEventListener('abort', abort, { once: true })
      const forget = () => signal.removeEventListener('abort', abort)
      sequence.stream.finish.then(forget, forget)
    }
    this.counters.add('promptTokens', sequence.prompt.length)
    this.wake()
    return sequence.stream
  }

  get statistics(): EngineStatistics {
    const { running, slots, placesTaken } = this.scheduler
    return {
      running: running.length,
      waiting: this.queue.length,
      slots,
      cacheUse: placesTaken / (slots * this.context),
      cacheBytes: this.executor.cacheBytes,
      ...this.counters.all,
    }
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    const error = new R1Error('disposed', 'The engine was closed.')
    for (const sequence of this.queue.remove(() => true)) sequence.stream.fail(error)
    for (const sequence of this.scheduler.running) sequence.cancel(error)
    await this.loop
    this.executor.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private wake(): void {
    this.loop ??= this.work().finally(() => {
      this.loop = undefined
      // What came between the last look and now.
      if (!this.closed && this.queue.length > 0) this.wake()
    })
  }

  private async work(): Promise<void> {
    for (;;) {
      this.dropCancelled()
      this.scheduler.admit(this.queue)
      if (this.scheduler.running.length === 0) return
      try {
        await this.scheduler.step()
        this.failures = 0
      } catch (cause) {
        await this.recover(cause)
      }
    }
  }

  private dropCancelled(): void {
    for (const sequence of this.queue.remove(({ cancelled }) => cancelled !== undefined)) leave(sequence)
    for (const sequence of this.scheduler.removeCancelled()) leave(sequence)
  }

  /** After a failed run: whoever took part is told, and the engine begins anew. */
  private async recover(cause: unknown): Promise<void> {
    this.failures++
    const error = engineFailed(cause)
    const lost = [...this.scheduler.clear(), ...(this.failures >= mostFailures ? this.queue.remove(() => true) : [])]
    this.counters.add('failed', lost.length)
    this.counters.add('restarts')
    for (const sequence of lost) sequence.stream.fail(error)
    try {
      await this.executor.restart()
    } catch (again) {
      for (const sequence of this.queue.remove(() => true)) sequence.stream.fail(engineFailed(again))
    }
  }
}

/** Whether a model can generate text. */
export function generates({ hasHead, cacheLayout }: Model): boolean {
  return hasHead && cacheLayout.length > 0
}

function leave({ cancelled, stream }: Sequence): void {
  stream.fail(cancelled?.error ?? new R1Error('aborted', 'The text was left before its end.'))
}

function engineFailed(cause: unknown): R1Error {
  return new R1Error('engine-failed', 'The engine failed while it worked on this text and was restarted.', {
    remedy: 'Ask again.',
    cause,
  })
}
