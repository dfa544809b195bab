import { R1Error } from '../../errors.ts'
import { cacheBeside } from '../../generate/engine-options.ts'
import { Engine } from '../../generate/index.ts'
import type { LoadedModel } from '../../models/index.ts'
import { NDArray } from '../../runtime/array.ts'
import { Variables } from '../../runtime/variables.ts'

export interface SamplerOptions {
  /** Sequences side by side. */
  readonly slots: number
  /** Most tokens of prompt and text. */
  readonly context: number
  /** Operands inside matrix products; f32 without it. */
  readonly precision?: 'f32' | 'bf16'
  readonly threads?: number | undefined
}

/** A text that is asked for. */
export interface SampleRequest {
  /** `[P]` */
  readonly prompt: Int32Array
  readonly maxNewTokens: number
  /** 0 takes the most likely tokens. */
  readonly temperature: number
  /** Whole number from 0 to 2³² − 1. */
  readonly seed: number
}

/**
 * Draws texts from a model, also from one that is being trained: the engine reads copies of the weights, which `refresh`
 * brings up to date, so that no step of training changes a text under way.
 */
export class Sampler {
  private readonly engine: Engine
  private readonly source: Variables
  private readonly copies: Variables
  private readonly stopIds: readonly number[]
  private version = 0

  private constructor(engine: Engine, source: Variables, copies: Variables, stopIds: readonly number[]) {
    this.engine = engine
    this.source = source
    this.copies = copies
    this.stopIds = stopIds
  }

  /** @param stopIds tokens that end a text @throws R1Error as `Engine.create` */
  static async create(
    { model, variables }: LoadedModel,
    stopIds: readonly number[],
    { slots, context, precision = 'f32', threads }: SamplerOptions,
  ): Promise<Sampler> {
    const copies = new Variables(variables.seed)
    for (const { name } of model.parameters()) {
      const array = variables.get(name)
      if (array) copies.set(name, NDArray.from((array.data as Float32Array).slice(), array.shape))
    }
    const own = { slots, context: Math.min(context, model.positions), precision, cacheType: cacheBeside(precision) }
    // Queued texts are counted by the caller.
    const queue = { requests: Number.MAX_SAFE_INTEGER, tokens: Number.MAX_SAFE_INTEGER }
    const engine = await Engine.create({ model, variables: copies }, { ...own, ...(threads && { threads }), queue })
    return new Sampler(engine, variables, copies, stopIds)
  }

  /** Most tokens of a prompt and its text. */
  get context(): number {
    return this.engine.context
  }

  /** Texts side by side. */
  get slots(): number {
    return this.engine.statistics.slots
  }

  /** Takes the weights as they are now. */
  refresh(): void {
    for (const name of this.copies.names) {
      const [copy, array] = [this.copies.get(name), this.source.get(name)]
      if (copy?.dtype === 'f32' && array && copy.size === array.size)
        (copy.data as Float32Array).set(array.data as Float32Array)
    }
    // What was computed with other weights is shared no more.
    this.version++
  }

  /** The tokens of each text, the one that ended it included. @throws R1Error as `Engine.generate`, and `aborted` */
  async draw(requests: readonly SampleRequest[], signal?: AbortSignal): Promise<Int32Array[]> {
    if (signal?.aborted) throw new R1Error('aborted', 'Drawing samples was stopped.', { cause: signal.reason })
    const streams = requests.map(({ prompt, maxNewTokens, temperature, seed }) =>
      this.engine.generate({
        prompt,
        maxNewTokens: Math.max(1, Math.min(maxNewTokens, this.engine.context - prompt.length)),
        stopIds: this.stopIds,
        sampling: { temperature, seed },
        salt: String(this.version),
      }),
    )
    // One listener for all of them.
    const stop = () => {
      for (const stream of streams) stream.cancel()
    }
    signal?.addEventListener('abort', stop, { once: true })
    try {
      const texts = await Promise.all(streams.map((stream) => stream.all()))
      return texts.map(({ tokens }) => Int32Array.from(tokens, ({ id }) => id))
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  async close(): Promise<void> {
    await this.engine.close()
    this.copies.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
