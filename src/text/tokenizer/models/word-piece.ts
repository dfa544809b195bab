import type { IdBuffer } from '../id-buffer.ts'
import type { TokenizerModel } from '../model.ts'

export interface WordPieceOptions {
  vocabulary: ReadonlyMap<string, number>
  unknownId: number
  /** What stands before a token that continues a word: `##`. */
  continuingPrefix: string
  /** Longer words, in characters, are unknown. */
  longestWord: number
  /** Ids that no text may become: the special ones. */
  forbidden: ReadonlySet<number>
}

/** BERT's WordPiece: the longest token that fits, again and again; a word that does not come out whole is unknown. */
export class WordPieceModel implements TokenizerModel {
  readonly vocabulary: ReadonlyMap<string, number>
  readonly unknownId: number
  private readonly options: WordPieceOptions
  /** Characters of the longest token. */
  private readonly longestToken: number

  constructor(options: WordPieceOptions) {
    this.options = options
    this.longestToken = longestOf(options.vocabulary.keys())
    this.vocabulary = options.vocabulary
    this.unknownId = options.unknownId
  }

  encode(piece: string, out: IdBuffer): void {
    const ids = this.tokensOf(piece)
    if (ids) out.pushAll(ids)
    else out.push(this.unknownId)
  }

  private tokensOf(word: string): number[] | undefined {
    // No character is longer than two UTF-16 units: a word far too long is refused before its characters are counted.
    if (word.length > this.options.longestWord * 2) return undefined
    const characters = Array.from(word)
    if (characters.length > this.options.longestWord) return undefined
    const ids: number[] = []
    for (let start = 0; start < characters.length; ) {
      let end = Math.min(characters.length, start + this.longestToken)
      let id: number | undefined
      for (; end > start && id === undefined; end--) {
        const part = characters.slice(start, end).join('')
        id = this.idOf(start > 0 ? this.options.continuingPrefix + part : part)
      }
      if (id === undefined) return undefined
      ids.push(id)
      start = end + 1
    }
    return ids
  }

  private idOf(token: string): number | undefined {
    const id = this.vocabulary.get(token)
    return id !== undefined && this.options.forbidden.has(id) ? undefined : id
  }
}

function longestOf(tokens: Iterable<string>): number {
  let longest = 0
  for (const token of tokens) longest = Math.max(longest, token.length)
  return longest
}

/** Whole words only: a piece is a token or unknown. */
export class WordLevelModel implements TokenizerModel {
  readonly vocabulary: ReadonlyMap<string, number>
  readonly unknownId: number | undefined
  private readonly forbidden: ReadonlySet<number>

  constructor(vocabulary: ReadonlyMap<string, number>, unknownId: number | undefined, forbidden: ReadonlySet<number>) {
    this.vocabulary = vocabulary
    this.unknownId = unknownId
    this.forbidden = forbidden
  }

  encode(piece: string, out: IdBuffer): void {
    const id = this.vocabulary.get(piece)
    if (id !== undefined && !this.forbidden.has(id)) out.push(id)
    else if (this.unknownId !== undefined) out.push(this.unknownId)
  }
}
