import { type Json, Stream } from '../streams/stream.ts'
import { emptyRow, type TokenRow } from './row.ts'

/** B rows of S tokens, row after row, as a model's inputs have them. */
export interface TokenBatch {
  /** [B, S] */
  readonly shape: readonly [rows: number, length: number]
  readonly ids: BigInt64Array
  readonly targets: BigInt64Array
  readonly weights: Float32Array
  /** Numbers of texts within their row; padding is −1. */
  readonly segments: BigInt64Array
  readonly positions: BigInt64Array
}

/** Rows B at a time. The last batch is filled up with padding, so that all have one shape. */
export class BatchStream extends Stream<TokenBatch> {
  private readonly source: Stream<TokenRow>
  private readonly rows: number

  /** @param rows B */
  constructor(source: Stream<TokenRow>, rows: number) {
    super()
    this.source = source
    this.rows = rows
  }

  async next(): Promise<TokenBatch | undefined> {
    const rows: TokenRow[] = []
    while (rows.length < this.rows) {
      const row = await this.source.next()
      if (row === undefined) break
      rows.push(row)
    }
    const [first] = rows
    if (first === undefined) return undefined
    while (rows.length < this.rows) rows.push(emptyRow(first.ids.length, 0))
    return batchOf(rows)
  }

  state(): Json {
    return this.source.state()
  }

  restore(state: Json): Promise<void> {
    return this.source.restore(state)
  }

  override close(): Promise<void> {
    return this.source.close()
  }
}

/** @param rows of one length */
export function batchOf(rows: readonly TokenRow[]): TokenBatch {
  const length = rows[0]?.ids.length ?? 0
  const weights = new Float32Array(rows.length * length)
  for (const [index, row] of rows.entries()) weights.set(row.weights, index * length)
  return {
    shape: [rows.length, length],
    ids: wide(rows.map(({ ids }) => ids)),
    targets: wide(rows.map(({ targets }) => targets)),
    weights,
    segments: wide(rows.map(({ segments }) => segments)),
    positions: wide(rows.map(({ positions }) => positions)),
  }
}

/** 32-bit rows as one 64-bit array, by halves: a BigInt for each number would cost more than making the row. */
function wide(rows: readonly Int32Array[]): BigInt64Array {
  const length = rows[0]?.length ?? 0
  const numbers = new BigInt64Array(rows.length * length)
  const halves = new Int32Array(numbers.buffer)
  let at = littleEndian ? 0 : 1
  for (const row of rows) {
    for (const number of row) {
      halves[at] = number
      halves[littleEndian ? at + 1 : at - 1] = number >> 31
      at += 2
    }
  }
  return numbers
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
