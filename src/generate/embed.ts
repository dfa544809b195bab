import { R1Error } from '../errors.ts'
import type { LoadedModel } from '../models/index.ts'
import { meanPool, normalise, Scope } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { type Jit, jit } from '../runtime/jit.ts'
import type { ProgramOptions } from '../runtime/program.ts'
import type { Tensor } from '../tensor/index.ts'

/** What an embedding step is told. */
type Inputs = Readonly<Record<'ids' | 'positions' | 'segments', Tensor>>

/** Makes vectors of texts: the mean of a text's last hidden states, scaled to length 1. */
export class Embedder {
  private readonly loaded: LoadedModel
  private readonly step: Jit<Inputs, Tensor>

  constructor(loaded: LoadedModel, options: ProgramOptions = {}) {
    this.loaded = loaded
    const rows = ['batch', 'time'] as const
    this.step = jit(
      ({ segments, ...inputs }: Inputs) => {
        const { hidden } = loaded.model.forward(
          new Scope(),
          { ...inputs, segments },
          { length: loaded.model.positions },
        )
        return normalise(meanPool(hidden, segments))
      },
      { ...options, variables: loaded.variables, dimensions: { ids: rows, positions: rows, segments: rows } },
    )
  }

  /**
   * @param texts tokens of each text
   * @returns for each a vector `[D]` of length 1
   * @throws R1Error `empty-prompt`, `context-too-long`
   */
  async embed(texts: readonly ArrayLike<number>[]): Promise<Float32Array[]> {
    const { positions, width } = this.loaded.model
    for (const { length } of texts) {
      if (length === 0) throw new R1Error('empty-prompt', 'A text without tokens has no vector.')
      if (length > positions)
        throw new R1Error('context-too-long', `A text has ${length} tokens, the model's context ${positions}.`, {
          remedy: 'Cut the text into pieces.',
        })
    }
    if (texts.length === 0) return []
    const time = Math.max(...texts.map(({ length }) => length))
    const shape = [texts.length, time]
    const matrix = (value: (text: ArrayLike<number>, at: number) => number) =>
      NDArray.from(
        texts.flatMap((text) => Array.from({ length: time }, (_, at) => BigInt(value(text, at)))),
        shape,
        'i64',
      )
    const vectors = await this.step.run({
      ids: matrix((text, at) => text[at] ?? 0),
      positions: matrix((text, at) => (at < text.length ? at : 0)),
      segments: matrix((text, at) => (at < text.length ? 0 : -1)),
    })
    const data = vectors.data as Float32Array
    return texts.map((_, row) => data.slice(row * width, (row + 1) * width))
  }

  dispose(): void {
    this.step.dispose()
  }
}
