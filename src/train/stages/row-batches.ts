import { BatchStream, type Json, type Stream, type TokenBatch, type TokenRow } from '../../data/index.ts'
import { type Batch, type BatchSource, batchOfTokens } from '../batch.ts'
import type { StageBatches } from './train-stage.ts'

/** Rows of tokens as batches, `extend` adding what the objective needs beside them. */
class RowBatches implements BatchSource {
  private readonly stream: BatchStream
  private readonly extend: (batch: Batch) => Batch | Promise<Batch>

  constructor(rows: Stream<TokenRow>, count: number, extend: (batch: Batch) => Batch | Promise<Batch>) {
    this.stream = new BatchStream(rows, count)
    this.extend = extend
  }

  async next(): Promise<Batch | undefined> {
    const tokens: TokenBatch | undefined = await this.stream.next()
    return tokens && this.extend(batchOfTokens(tokens))
  }

  state(): Json {
    return this.stream.state()
  }

  restore(state: Json): Promise<void> {
    return this.stream.restore(state)
  }
}

/** Streams of rows as the batches of a stage. */
export function rowBatches(
  training: Stream<TokenRow>,
  heldOut: Stream<TokenRow>,
  rows: number,
  extend: (batch: Batch) => Batch | Promise<Batch> = (batch) => batch,
): StageBatches {
  return {
    training: new RowBatches(training, rows, extend),
    heldOut: new RowBatches(heldOut, rows, extend),
    async close() {
      await Promise.all([training.close(), heldOut.close()])
    },
  }
}
