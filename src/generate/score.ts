import { R1Error } from '../errors.ts'
import type { Model } from '../models/model.ts'
import { logitsOf } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { gatherElements, logSoftmax, reshape } from '../tensor/index.ts'
import { compileFor, type ForwardProgramOptions, LazyProgram } from './compile.ts'
import { type EngineModel, scopeOf } from './engine-model.ts'

const row = { dtype: 'i64', shape: [1, 'time'] } as const

/** How well a model foresees a text. */
export interface Perplexity {
  /** e to the mean of −ln p over the tokens. */
  readonly perplexity: number
  /** Tokens that were foreseen: all but the first of each window. */
  readonly tokens: number
  /** Mean of −ln p, in nats. */
  readonly loss: number
}

/** Tells how likely a model finds given tokens. */
export class Scorer {
  private readonly model: Model
  private readonly program: LazyProgram

  constructor(loaded: EngineModel, options: ForwardProgramOptions = {}) {
    const { model } = loaded
    this.model = model
    this.program = new LazyProgram(() =>
      compileFor(
        loaded,
        'prefill',
        { ids: row, positions: row, next: row },
        ({ ids, positions, next }) => {
          const scope = scopeOf(loaded)
          const { hidden } = model.forward(scope, { ids, positions }, { length: model.positions })
          const logP = logSoftmax(logitsOf(model.head(scope, hidden)))
          return gatherElements(logP, reshape(next, [1, 'time', 1]))
        },
        options,
      ),
    )
  }

  /**
   * @param tokens `[T]`
   * @returns ln p of every token but the first, `[T − 1]`
   * @throws R1Error `context-too-long`
   */
  async logProbabilities(tokens: ArrayLike<number>): Promise<Float32Array> {
    const { positions } = this.model
    const count = tokens.length - 1
    if (count < 1) return new Float32Array(0)
    if (count > positions)
      throw new R1Error('context-too-long', `The text has ${tokens.length} tokens, the model's context ${positions}.`, {
        remedy: 'Cut it into windows.',
      })
    const values = (value: (at: number) => number) =>
      NDArray.from(
        BigInt64Array.from({ length: count }, (_, at) => BigInt(value(at))),
        [1, count],
        'i64',
      )
    const [found] = await this.program.run([
      values((at) => tokens[at] as number),
      values((at) => at),
      values((at) => tokens[at + 1] as number),
    ])
    return (found as NDArray<'f32'>).data.slice()
  }

  /**
   * The perplexity of a text in windows that know nothing of each other.
   *
   * @param window tokens of a window
   */
  async perplexity(
    tokens: ArrayLike<number>,
    window: number,
    options: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void } = {},
  ): Promise<Perplexity> {
    let sum = 0
    let count = 0
    const list = Array.from(tokens)
    for (let from = 0; from + 1 < list.length; from += window) {
      if (options.signal?.aborted)
        throw new R1Error('aborted', 'Scoring was aborted.', { cause: options.signal.reason })
      for (const value of await this.logProbabilities(list.slice(from, from + window))) {
        sum -= value
        count++
      }
      options.onProgress?.(Math.min(from + window, list.length), list.length)
    }
    if (count === 0)
      throw new R1Error('empty-prompt', 'The text is too short to be scored.', { remedy: 'Give more text.' })
    return { perplexity: Math.exp(sum / count), tokens: count, loss: sum / count }
  }

  async dispose(): Promise<void> {
    await this.program.dispose()
  }
}
