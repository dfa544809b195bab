import {
  BatchStream,
  type Json,
  PrefetchedStream,
  type Stream,
  type TokenBatch,
  type TokenRow,
} from '../../data/index.ts'
import { type Batch, type BatchSource, batchOfTokens } from '../batch.ts'
import type { StageBatches } from './train-stage.ts'

export interface RowBatchOptions {
  /** Of a batch. */
  readonly rows: number
  /** Batches that lie ready. */
  readonly workers?: number
  /** Adds what an objective needs beside the tokens. */
  extend?(batch: Batch): Batch | Promise<Batch>
}

/** Rows of tokens as batches, `extend` adding what the objective needs beside them. */
class RowBatches implements BatchSource {
  private readonly stream: Stream<TokenBatch>
  private readonly extend: NonNullable<RowBatchOptions['extend']>

  constructor(rows: Stream<TokenRow>, { rows: count, workers = 1, extend = (batch) => batch }: RowBatchOptions) {
    this.stream = new PrefetchedStream(new BatchStream(rows, count), workers)
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

  close(): Promise<void> {
    return this.stream.close()
  }
}

/** Streams of rows as the batches of a stage. */
export function rowBatches(
  training: Stream<TokenRow>,
  heldOut: Stream<TokenRow>,
  options: RowBatchOptions,
): StageBatches {
  const batches = { training: new RowBatches(training, options), heldOut: new RowBatches(heldOut, options) }
  return {
    ...batches,
    async close() {
      await Promise.all([batches.training.close(), batches.heldOut.close()])
    },
  }
}
