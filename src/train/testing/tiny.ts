import type { Json } from '../../data/index.ts'
import { bindModel } from '../../models/bind.ts'
import { llama } from '../../models/llama.ts'
import type { LoadedModel } from '../../models/load.ts'
import { NDArray } from '../../runtime/array.ts'
import { Variables } from '../../runtime/variables.ts'
import { randomWord, streamKey } from '../../tensor/index.ts'
import type { Batch, BatchSource } from '../batch.ts'

/** A decoder of two layers over 64 tokens. */
export function tinyModel(seed = 1): LoadedModel {
  const model = bindModel(llama, {
    vocab_size: 64,
    hidden_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    intermediate_size: 64,
    max_position_embeddings: 128,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
  })
  return { model, variables: new Variables(seed) }
}

/** Sequence `index`: each token is the last one times 5 plus the sequence's own step, so that there is something to learn. */
export function sequence(index: number, length: number): number[] {
  const word = randomWord(streamKey(11, 'sequences'), index)
  const step = 1 + (word % 3)
  const tokens = [(word >>> 8) % 64]
  while (tokens.length < length) tokens.push(((tokens.at(-1) as number) * 5 + step) % 64)
  return tokens
}

/** Rows of one sequence each, as a batch. */
export function batchOf(sequences: readonly (readonly number[])[]): Batch {
  const [rows, length] = [sequences.length, (sequences[0]?.length ?? 1) - 1]
  const i64 = (pick: (tokens: readonly number[], at: number) => number) =>
    NDArray.from(
      BigInt64Array.from(sequences.flatMap((tokens) => Array.from({ length }, (_, at) => BigInt(pick(tokens, at))))),
      [rows, length],
      'i64',
    )
  return {
    ids: i64((tokens, at) => tokens[at] as number),
    targets: i64((tokens, at) => tokens[at + 1] as number),
    positions: i64((_, at) => at),
    weights: NDArray.from(new Float32Array(rows * length).fill(1), [rows, length]),
  }
}

/** Batches of so many rows of the sequences in their order, without end. */
export class CountedBatches implements BatchSource {
  private at = 0
  private readonly rows: number
  private readonly length: number

  constructor(rows: number, length = 17) {
    this.rows = rows
    this.length = length
  }

  async next(): Promise<Batch> {
    const batch = batchOf(Array.from({ length: this.rows }, (_, row) => sequence(this.at + row, this.length)))
    this.at += this.rows
    return batch
  }

  state(): Json {
    return this.at
  }

  restore(state: Json): void {
    this.at = state as number
  }
}
