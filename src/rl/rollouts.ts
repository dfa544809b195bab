import { R1Error } from '../errors.ts'
import { Engine, type EngineOptions } from '../generate/engine.ts'
import { cacheBeside } from '../generate/engine-options.ts'
import type { TokenStream } from '../generate/token-stream.ts'
import type { LoadedModel } from '../models/load.ts'
import type { NDArray } from '../runtime/array.ts'

/** What is to be completed. */
export interface RolloutRequest {
  /** `[P]` */
  readonly prompt: ArrayLike<number>
  /** The completion follows from prompt, weights and this number alone. */
  readonly seed: number
}

/** A completion as the engine drew it. */
export interface Completion {
  /** `[C]`, the end of the text included where it came. */
  readonly ids: Int32Array
  /** ln of the probability with which each token was drawn, `[C]`. */
  readonly logProbabilities: Float32Array
  /** The length was used up before the text ended. */
  readonly truncated: boolean
}

export interface RolloutOptions extends Pick<EngineOptions, 'threads' | 'spinning' | 'precision' | 'cacheType'> {
  /** Completions side by side. */
  readonly slots: number
  /** Most tokens of prompt and completion. */
  readonly context: number
  /** Ids that end a completion. */
  readonly stopIds: readonly number[]
}

/** What a call draws. */
export interface DrawOptions {
  readonly maxNewTokens: number
  /** 1 draws from the model's own distribution, 0 takes the likeliest token. */
  readonly temperature: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Completions drawn by an engine over the weights of a trainer: the same memory, which the trainer updates in place. After
 * an update `renew` makes the engine forget what the old weights computed.
 */
export class Rollouts {
  private readonly loaded: LoadedModel
  private readonly engine: Engine
  private readonly stopIds: readonly number[]
  private readonly shared: ReadonlyMap<string, NDArray | undefined>
  private version = 0

  private constructor(loaded: LoadedModel, engine: Engine, stopIds: readonly number[]) {
    this.loaded = loaded
    this.engine = engine
    this.stopIds = stopIds
    this.shared = new Map(loaded.model.parameters().map(({ name }) => [name, loaded.variables.get(name)]))
  }

  /** @throws R1Error as {@link Engine.create} */
  static async create(loaded: LoadedModel, { stopIds, ...options }: RolloutOptions): Promise<Rollouts> {
    // A trainer knows how much it asks for at once.
    const queue = { requests: 2 ** 20, tokens: 2 ** 30 }
    const cacheType = cacheBeside(options.precision)
    return new Rollouts(loaded, await Engine.create(loaded, { cacheType, ...options, queue }), stopIds)
  }

  /**
   * Says that the weights have changed.
   *
   * @throws R1Error `weights-moved` where they are no longer in the memory that the engine reads
   */
  renew(): void {
    for (const [name, array] of this.shared) {
      if (this.loaded.variables.get(name) === array) continue
      throw new R1Error('weights-moved', `${name} was replaced instead of updated: the engine still reads the old one.`)
    }
    this.version++
  }

  /** Completes all prompts, those that share a beginning computing it once. @throws R1Error as the engine's streams */
  async draw(requests: readonly RolloutRequest[], options: DrawOptions): Promise<Completion[]> {
    const { maxNewTokens, temperature, signal } = options
    if (signal?.aborted) throw new R1Error('aborted', 'Drawing was stopped.', { cause: signal.reason })
    const streams = requests.map(({ prompt, seed }) =>
      this.engine.generate({
        ...{ prompt, maxNewTokens, stopIds: this.stopIds, logProbabilities: 0 },
        sampling: { temperature, seed },
        // Keys and values of other weights are no beginning of this text.
        salt: `weights ${this.version}`,
      }),
    )
    // One listener for all: a signal warns of many.
    const stop = () => {
      for (const stream of streams) stream.cancel()
    }
    signal?.addEventListener('abort', stop, { once: true })
    try {
      return await Promise.all(streams.map(completionOf))
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  close(): Promise<void> {
    return this.engine.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

async function completionOf(stream: TokenStream): Promise<Completion> {
  const { tokens, finish } = await stream.all()
  return {
    ids: Int32Array.from(tokens, ({ id }) => id),
    logProbabilities: Float32Array.from(tokens, ({ logProbability }) => logProbability as number),
    truncated: finish.reason === 'length' || finish.reason === 'context',
  }
}
