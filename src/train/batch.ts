import type { Json, TokenBatch } from '../data/index.ts'
import { NDArray } from '../runtime/array.ts'

/**
 * The tokens of one forward pass, B rows of S. What an objective needs beside them (advantages, log-probabilities of a
 * reference) lies under further names, `[B, S]` or `[B]`.
 */
export interface Batch {
  /** i64 `[B, S]` */
  readonly ids: NDArray
  /** i64 `[B, S]`: the token that follows each one. */
  readonly targets: NDArray
  /** f32 `[B, S]`: how much each target counts; 0 for prompts and padding. */
  readonly weights: NDArray
  /** i64 `[B, S]`: places in the sequence. */
  readonly positions: NDArray
  /** i64 `[B, S]`: which of the packed sequences a token belongs to; padding is −1. */
  readonly segments?: NDArray
  readonly [name: string]: NDArray | undefined
}

/** An endless or finite stream of batches that knows where it is. */
export interface BatchSource {
  /** The next batch; undefined at the end. */
  next(): Promise<Batch | undefined>
  /** Where the stream stands: given to `restore` of a new source with the same options, it goes on with the same batch. */
  state(): Json
  restore(state: Json): Promise<void> | void
}

/** Rows of tokens as the arrays of a forward pass. */
export function batchOfTokens({ shape, ids, targets, weights, segments, positions }: TokenBatch): Batch {
  const i64 = (values: BigInt64Array) => NDArray.from(values, shape, 'i64')
  return {
    ids: i64(ids),
    targets: i64(targets),
    weights: NDArray.from(weights, shape),
    segments: i64(segments),
    positions: i64(positions),
  }
}

/** A batch in which every target counts and each row begins a text. @param shape `[B, S]` */
export function windowBatch(
  ids: BigInt64Array,
  targets: BigInt64Array,
  shape: readonly [rows: number, length: number],
): Batch {
  const [, length] = shape
  return {
    ids: NDArray.from(ids, shape, 'i64'),
    targets: NDArray.from(targets, shape, 'i64'),
    positions: NDArray.from(
      ids.map((_, at) => BigInt(at % length)),
      shape,
      'i64',
    ),
    weights: NDArray.from(new Float32Array(ids.length).fill(1), shape),
  }
}

/** Weight of all targets of a batch. */
export function weightOf({ weights }: Batch): number {
  let total = 0
  for (const weight of weights.data as Float32Array) total += weight
  return total
}

/** Tokens of a batch that are not padding. */
export function tokensOf({ ids, segments }: Batch): number {
  if (!segments) return ids.size
  let count = 0
  for (const segment of segments.data as BigInt64Array) if (segment >= 0n) count++
  return count
}
