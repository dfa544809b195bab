/** How the text of a special token (`<|im_end|>`) inside the input is read. */
export type SpecialTokenReading = 'allow' | 'text'

export interface EncodeOptions {
  /** `text` (the default, right for anything a user wrote) never yields a special token; `allow` reads them as tokens. */
  specialTokens?: SpecialTokenReading
  /** Adds what the tokenizer puts around a whole sequence (bos, eos, `[CLS]` … `[SEP]`). Default false. */
  addSpecial?: boolean
  /** Offsets (UTF-16 units) that no special token may span: with `allow`, marks where text of a user lies in a prompt. */
  barriers?: readonly number[]
}

export interface DecodeOptions {
  /** Leaves special tokens out of the text. Default false. */
  skipSpecial?: boolean
}

/** Ids that have a role; undefined where the vocabulary has no such token. */
export interface SpecialTokenIds {
  bos?: number
  eos?: number
  /** Ends a turn, where that is another token than eos. */
  eot?: number
  pad?: number
  unk?: number
}

/** Turns ids into text as they arrive; the deltas joined are exactly `decode` of all ids. */
export interface StreamDecoder {
  /** @returns the text that is now certain; never half a character. */
  push(ids: number | ArrayLike<number>): string
  /** @returns what was held back; the decoder is then at its start again. */
  flush(): string
}

/** How the strings of the vocabulary spell bytes (constrained decoding needs it). */
export type TokenSpelling = 'byte-level' | 'byte-fallback' | 'raw'

/** Text to token ids and back. */
export interface Tokenizer {
  /** Highest id + 1. */
  readonly vocabularySize: number
  readonly special: SpecialTokenIds
  readonly spelling: TokenSpelling
  /**
   * @param text any string; lone surrogates are read as U+FFFD
   * @returns ids [T]
   */
  encode(text: string, options?: EncodeOptions): Int32Array
  /**
   * @param ids [T]; an id that the vocabulary lacks gives no text
   * @throws R1Error `token-out-of-range` for a negative or fractional id
   */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string
  streamDecoder(options?: DecodeOptions): StreamDecoder
  tokenToId(token: string): number | undefined
  idToToken(id: number): string | undefined
  /** True for a control token (bos, `<|im_end|>`): one that `skipSpecial` leaves out. */
  isSpecial(id: number): boolean
  /** Ids of all special tokens with their text. */
  readonly specialTokens: ReadonlyMap<string, number>
  /**
   * Offsets at which the text of a special token, or a part of one at the text's edge, has to be cut so that, wherever a
   * template puts this text, no special token arises from it.
   */
  specialTextCuts(text: string): number[]
}
