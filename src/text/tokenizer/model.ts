import type { IdBuffer } from './id-buffer.ts'

/** The part of a tokenizer that turns one piece of text into ids. */
export interface TokenizerModel {
  /** Text of each token as the vocabulary spells it. */
  readonly vocabulary: ReadonlyMap<string, number>
  readonly unknownId: number | undefined
  encode(piece: string, out: IdBuffer): void
}
