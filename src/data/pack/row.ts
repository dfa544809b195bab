import type { Example } from './example.ts'

/** A row of S tokens, ready to be learnt from. */
export interface TokenRow {
  /** [S] */
  readonly ids: Int32Array
  /** [S]: the token that follows each one. */
  readonly targets: Int32Array
  /** [S]: how much each target counts; 0 for prompts, ends and padding. */
  readonly weights: Float32Array
  /** [S]: which of the row's texts a token belongs to, from 0; padding is −1. */
  readonly segments: Int32Array
  /** [S]: places within the text. */
  readonly positions: Int32Array
}

/** A row of padding. */
export function emptyRow(length: number, pad: number): TokenRow {
  return {
    ids: new Int32Array(length).fill(pad),
    targets: new Int32Array(length).fill(pad),
    weights: new Float32Array(length),
    segments: new Int32Array(length).fill(-1),
    positions: new Int32Array(length),
  }
}

/** Places that an example takes in a row: its last token is a target only. */
export function rowLength({ ids }: Example): number {
  return Math.max(ids.length - 1, 0)
}

/** Examples side by side in one row, none of which sees another; what does not fit is cut off. */
export function rowOf(examples: readonly Example[], length: number, pad: number): TokenRow {
  const row = emptyRow(length, pad)
  let at = 0
  for (const [segment, example] of examples.entries()) {
    const count = Math.min(rowLength(example), length - at)
    row.ids.set(example.ids.subarray(0, count), at)
    row.targets.set(example.ids.subarray(1, count + 1), at)
    row.weights.set(example.weights.subarray(1, count + 1), at)
    row.segments.fill(segment, at, at + count)
    for (let position = 0; position < count; position++) row.positions[at + position] = position
    at += count
  }
  return row
}
