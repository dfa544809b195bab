import { byteToken } from '../byte-alphabet.ts'
import type { IdBuffer } from '../id-buffer.ts'
import type { TokenizerModel } from '../model.ts'
import { PairTable } from '../pair-table.ts'

export interface UnigramOptions {
  /** Pieces by id. */
  pieces: readonly string[]
  /** Log-probability of each piece [V]. */
  scores: ArrayLike<number>
  /** An unknown character scores 10 less than this; default the lowest of the scores. */
  lowestScore?: number
  unknownId?: number
  byteFallback: boolean
  /** Ids that no text may become: the special ones. */
  forbidden: ReadonlySet<number>
}

const unknownPenalty = 10
const utf8 = new TextEncoder()

/** The unigram language model of SentencePiece (Kudo 2018, arXiv:1804.10959): the likeliest segmentation, by Viterbi. */
export class UnigramModel implements TokenizerModel {
  readonly vocabulary: ReadonlyMap<string, number>
  readonly unknownId: number | undefined
  private readonly options: UnigramOptions
  private readonly unknownScore: number
  /** Trie over UTF-16 units: (node, unit) → node. */
  private readonly children: PairTable
  /** Id that ends at each node, or −1. */
  private readonly idAt: number[] = [-1]

  constructor(options: UnigramOptions) {
    this.options = options
    this.unknownId = options.unknownId
    const vocabulary = new Map<string, number>()
    this.children = new PairTable(options.pieces.length * 2)
    let lowest = Number.POSITIVE_INFINITY
    options.pieces.forEach((piece, id) => {
      vocabulary.set(piece, id)
      lowest = Math.min(lowest, options.scores[id] as number)
      if (piece !== '' && !options.forbidden.has(id)) this.insert(piece, id)
    })
    this.vocabulary = vocabulary
    this.unknownScore = (options.lowestScore ?? lowest) - unknownPenalty
  }

  private insert(piece: string, id: number): void {
    let node = 0
    for (let i = 0; i < piece.length; i++) {
      const unit = piece.charCodeAt(i)
      let child = this.children.get(node, unit)
      if (child < 0) {
        child = this.idAt.length
        this.idAt.push(-1)
        this.children.set(node, unit, child)
      }
      node = child
    }
    this.idAt[node] = id
  }

  encode(piece: string, out: IdBuffer): void {
    const { starts, ids } = this.bestPath(piece)
    // Read backwards from the end; runs of unknown characters fuse.
    const path: [start: number, end: number, known: boolean][] = []
    for (let end = piece.length; end > 0; ) {
      const start = starts[end] as number
      const known = ids[end] !== -1
      const after = path.at(-1)
      if (!known && after && !after[2]) after[0] = start
      else path.push([start, end, known])
      end = start
    }
    for (const [start, end, known] of path.reverse()) {
      if (known) out.push(ids[end] as number)
      else this.encodeUnknown(piece.slice(start, end), out)
    }
  }

  /** For each end of a piece where the best last token starts and its id (−1: unknown). */
  private bestPath(piece: string): { starts: Int32Array; ids: Int32Array } {
    const length = piece.length
    const starts = new Int32Array(length + 1).fill(-1)
    const ids = new Int32Array(length + 1).fill(-1)
    const best = new Float64Array(length + 1)
    const offer = (start: number, end: number, score: number, id: number): void => {
      if (starts[end] !== -1 && score <= (best[end] as number)) return
      starts[end] = start
      ids[end] = id
      best[end] = score
    }
    for (let start = 0; start < length; ) {
      const characterEnd = start + ((piece.codePointAt(start) as number) > 0xffff ? 2 : 1)
      let characterKnown = false
      let node = 0
      for (let end = start; end < length; ) {
        node = this.children.get(node, piece.charCodeAt(end++))
        if (node < 0) break
        const id = this.idAt[node] as number
        if (id < 0) continue
        offer(start, end, (best[start] as number) + (this.options.scores[id] as number), id)
        if (end === characterEnd) characterKnown = true
      }
      if (!characterKnown) offer(start, characterEnd, (best[start] as number) + this.unknownScore, -1)
      start = characterEnd
    }
    return { starts, ids }
  }

  private encodeUnknown(text: string, out: IdBuffer): void {
    const bytes = this.options.byteFallback
      ? Array.from(utf8.encode(text), (byte) => this.vocabulary.get(byteToken(byte)))
      : [undefined]
    if (bytes.every((id) => id !== undefined)) out.pushAll(bytes)
    else if (this.unknownId !== undefined) out.push(this.unknownId)
  }
}
