import { byteToCharacter, byteToken, spellBytes } from '../byte-alphabet.ts'
import type { IdBuffer } from '../id-buffer.ts'
import type { TokenizerModel } from '../model.ts'
import { type MergeTable, mergeSymbols } from './merge.ts'

export interface BpeOptions {
  vocabulary: ReadonlyMap<string, number>
  merges: MergeTable
  /** Pieces are raw text, split into their UTF-8 bytes; else they are split into characters. */
  byteLevel: boolean
  unknownId?: number
  /** A run of unknown characters becomes one unknown token. */
  fuseUnknown: boolean
  /** A character that the vocabulary lacks is spelt by tokens `<0x00>` … `<0xFF>`. */
  byteFallback: boolean
  /** A piece that is a token by itself is taken as it is. */
  ignoreMerges: boolean
  continuingPrefix: string
  endSuffix: string
  /** Ids that no text may become: the special ones. */
  forbidden: ReadonlySet<number>
}

const cachedPieces = 1 << 16
const longestCached = 64
const utf8 = new TextEncoder()

/** Byte-pair encoding (Sennrich et al. 2015, arXiv:1508.07909), over bytes or characters. */
export class BpeModel implements TokenizerModel {
  readonly vocabulary: ReadonlyMap<string, number>
  readonly unknownId: number | undefined
  private readonly options: BpeOptions
  /** Id of each byte: as a character of GPT-2's alphabet, or as a token `<0x..>`. */
  private readonly byteIds: readonly (number | undefined)[]
  private readonly cache = new Map<string, readonly number[]>()

  constructor(options: BpeOptions) {
    this.options = options
    this.vocabulary = options.vocabulary
    this.unknownId = options.unknownId
    this.byteIds = byteToCharacter.map((character, byte) => this.idOf(options.byteLevel ? character : byteToken(byte)))
  }

  encode(piece: string, out: IdBuffer): void {
    const cached = this.cache.get(piece)
    const ids = cached ?? this.encodeAnew(piece)
    if (!cached && piece.length <= longestCached) {
      if (this.cache.size >= cachedPieces) this.cache.clear()
      this.cache.set(piece, ids)
    }
    out.pushAll(ids)
  }

  private encodeAnew(piece: string): readonly number[] {
    if (this.options.ignoreMerges) {
      const whole = this.idOf(this.options.byteLevel ? spellBytes(piece) : piece)
      if (whole !== undefined) return [whole]
    }
    return mergeSymbols(this.options.byteLevel ? this.bytesOf(piece) : this.charactersOf(piece), this.options.merges)
  }

  private idOf(token: string): number | undefined {
    const id = this.vocabulary.get(token)
    return id !== undefined && this.options.forbidden.has(id) ? undefined : id
  }

  private bytesOf(piece: string): number[] {
    const symbols: number[] = []
    for (const byte of utf8.encode(piece)) this.pushKnown(symbols, this.byteIds[byte])
    return symbols
  }

  private charactersOf(piece: string): number[] {
    const { continuingPrefix, endSuffix, byteFallback } = this.options
    const symbols: number[] = []
    let offset = 0
    for (const character of piece) {
      let token = offset > 0 && continuingPrefix ? continuingPrefix + character : character
      offset += character.length
      if (endSuffix && offset === piece.length) token += endSuffix
      const id = this.idOf(token)
      const bytes = id === undefined && byteFallback ? this.fallback(token) : undefined
      if (bytes) symbols.push(...bytes)
      else this.pushKnown(symbols, id)
    }
    return symbols
  }

  /** @returns the byte tokens of a character, or undefined where one of them is missing */
  private fallback(token: string): number[] | undefined {
    const ids: number[] = []
    for (const byte of utf8.encode(token)) {
      const id = this.byteIds[byte]
      if (id === undefined) return undefined
      ids.push(id)
    }
    return ids
  }

  private pushKnown(symbols: number[], id: number | undefined): void {
    if (id !== undefined) symbols.push(id)
    else if (this.unknownId !== undefined && !(this.options.fuseUnknown && symbols.at(-1) === this.unknownId)) {
      symbols.push(this.unknownId)
    }
  }
}
