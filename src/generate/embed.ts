import { R1Error } from '../errors.ts'
import type { Model } from '../models/model.ts'
import { meanPool, normalise, Scope } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import type { ProgramOptions } from '../runtime/program.ts'
import { compileFor, LazyProgram } from './compile.ts'
import type { EngineModel } from './engine-model.ts'

const matrix = { dtype: 'i64', shape: ['batch', 'time'] } as const

/** Makes vectors of texts: the mean of a text's last hidden states, scaled to length 1. */
export class Embedder {
  private readonly model: Model
  private readonly program: LazyProgram

  constructor(loaded: EngineModel, options: ProgramOptions = {}) {
    const { model } = loaded
    this.model = model
    this.program = new LazyProgram(() =>
      compileFor(
        loaded,
        'prefill',
        { ids: matrix, positions: matrix, segments: matrix },
        (inputs) => {
          const { hidden } = model.forward(new Scope(), inputs, { length: model.positions })
          return normalise(meanPool(hidden, inputs.segments))
        },
        options,
      ),
    )
  }

  /**
   * @param texts tokens of each text
   * @returns for each a vector `[D]` of length 1
   * @throws R1Error `empty-prompt`, `context-too-long`
   */
  async embed(texts: readonly ArrayLike<number>[]): Promise<Float32Array[]> {
    const { positions, width } = this.model
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
    const values = (value: (text: ArrayLike<number>, at: number) => number) =>
      NDArray.from(
        texts.flatMap((text) => Array.from({ length: time }, (_, at) => BigInt(value(text, at)))),
        shape,
        'i64',
      )
    const [vectors] = await this.program.run([
      values((text, at) => text[at] ?? 0),
      values((text, at) => (at < text.length ? at : 0)),
      values((text, at) => (at < text.length ? 0 : -1)),
    ])
    const { data } = vectors as NDArray<'f32'>
    return texts.map((_, row) => data.slice(row * width, (row + 1) * width))
  }

  async dispose(): Promise<void> {
    await this.program.dispose()
  }
}
