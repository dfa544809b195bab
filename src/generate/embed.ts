import { R1Error } from '../errors.ts'
import type { Model } from '../models/model.ts'
import { meanPool, normalise } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { compileFor, type ForwardProgramOptions, LazyProgram } from './compile.ts'
import { type EngineModel, scopeOf } from './engine-model.ts'

/** How a model makes one vector of a text. */
export interface EmbeddingFormat {
  /** Of which tokens' last hidden states the mean is taken: all, the first or the last. */
  readonly pooling: 'mean' | 'first' | 'last'
  /** Most tokens of a text. */
  readonly length: number
}

/** A model that makes vectors; decoders without a format of their own take the mean of all tokens. */
export interface EmbeddingModel extends EngineModel {
  readonly embedding?: EmbeddingFormat | undefined
}

/** Most tokens that are computed together, padding counted; one text may have more. */
const batchTokens = 4096

const matrix = { dtype: 'i64', shape: ['batch', 'time'] } as const

/** Makes vectors of texts, of length 1. */
export class Embedder {
  readonly format: EmbeddingFormat
  private readonly model: Model
  private readonly program: LazyProgram

  constructor(loaded: EmbeddingModel, options: ForwardProgramOptions = {}) {
    const { model, embedding } = loaded
    this.model = model
    this.format = embedding ?? { pooling: 'mean', length: model.positions }
    this.program = new LazyProgram(() =>
      compileFor(
        loaded,
        'prefill',
        { ids: matrix, positions: matrix, segments: matrix, pooled: matrix },
        ({ pooled, ...inputs }) => {
          const { hidden } = model.forward(scopeOf(loaded), inputs, { length: model.positions })
          return normalise(meanPool(hidden, pooled))
        },
        options,
      ),
    )
  }

  /**
   * @param texts tokens of each text
   * @returns for each a vector `[D]` of length 1
   * @throws R1Error `empty-prompt`, `context-too-long`, `aborted`
   */
  async embed(texts: readonly ArrayLike<number>[], signal?: AbortSignal): Promise<Float32Array[]> {
    const { length: most } = this.format
    for (const { length } of texts) {
      if (length === 0) throw new R1Error('empty-prompt', 'A text without tokens has no vector.')
      if (length > most)
        throw new R1Error('context-too-long', `A text has ${length} tokens, vectors are made of at most ${most}.`, {
          remedy: 'Cut the text into pieces.',
        })
    }
    const vectors = new Array<Float32Array>(texts.length)
    for (const batch of batchesOf(texts)) {
      if (signal?.aborted) throw new R1Error('aborted', 'Embedding was aborted.', { cause: signal.reason })
      const found = await this.run(batch.map((index) => texts[index] as ArrayLike<number>))
      for (const [row, index] of batch.entries()) vectors[index] = found[row] as Float32Array
    }
    return vectors
  }

  async dispose(): Promise<void> {
    await this.program.dispose()
  }

  private async run(texts: readonly ArrayLike<number>[]): Promise<Float32Array[]> {
    const { pooling } = this.format
    const { width } = this.model
    const time = Math.max(...texts.map(({ length }) => length))
    const values = (value: (text: ArrayLike<number>, at: number) => number) =>
      NDArray.from(
        texts.flatMap((text) => Array.from({ length: time }, (_, at) => BigInt(value(text, at)))),
        [texts.length, time],
        'i64',
      )
    const isPooled = ({ length }: ArrayLike<number>, at: number) =>
      pooling === 'mean' ? at < length : at === (pooling === 'first' ? 0 : length - 1)
    const inputs = [
      values((text, at) => text[at] ?? 0),
      values((text, at) => (at < text.length ? at : 0)),
      values((text, at) => (at < text.length ? 0 : -1)),
      values((text, at) => (isPooled(text, at) ? 0 : -1)),
    ]
    try {
      const [vectors] = (await this.program.run(inputs)) as [NDArray<'f32'>]
      const rows = texts.map((_, row) => vectors.data.slice(row * width, (row + 1) * width))
      vectors.dispose()
      return rows
    } finally {
      for (const array of inputs) array.dispose()
    }
  }
}

/** Indices of texts that are computed together: those of like length, so that little is padding. */
function batchesOf(texts: readonly ArrayLike<number>[]): number[][] {
  const lengthOf = (index: number) => (texts[index] as ArrayLike<number>).length
  const batches: number[][] = []
  let batch: number[] = []
  // The longest first: the first of a batch says how wide it is.
  for (const index of [...texts.keys()].sort((left, right) => lengthOf(right) - lengthOf(left))) {
    if (batch.length > 0 && (batch.length + 1) * lengthOf(batch[0] as number) > batchTokens) {
      batches.push(batch)
      batch = []
    }
    batch.push(index)
  }
  return batch.length > 0 ? [...batches, batch] : batches
}

/**
 * Cuts the tokens of a text that is too long for a model; a mark at its end stays there.
 *
 * @param hasEndMark whether the last token is such a mark
 */
export function cutTokens(ids: Int32Array, most: number, hasEndMark: boolean): Int32Array {
  if (ids.length <= most) return ids
  const cut = ids.slice(0, most)
  if (hasEndMark) cut[most - 1] = ids.at(-1) as number
  return cut
}
