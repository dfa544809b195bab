import { PairTable } from '../pair-table.ts'
import { PairHeap } from './pair-heap.ts'

/** A word as ids that shrink as pairs merge, with how often it occurs. */
interface Word {
  ids: number[]
  count: number
}

export interface LearnMergesOptions {
  words: readonly Word[]
  /** Text of the tokens so far, by id; each merge adds one unless its text is a token already. */
  tokens: string[]
  vocabularySize: number
  /** A pair that occurs less often is not merged. */
  minFrequency: number
  /** Called after each merge with the vocabulary's size. */
  onMerge?: (size: number) => void
}

/**
 * Learns byte-pair merges (Sennrich et al. 2015): again and again the most frequent pair becomes a token. Counts of pairs
 * are kept up to date word by word, and a heap whose entries are corrected when they surface finds the next pair.
 *
 * @returns the merges in order, as ids; `tokens` has grown by their results
 */
export function learnMerges(options: LearnMergesOptions): [left: number, right: number][] {
  const { tokens, vocabularySize, minFrequency, onMerge } = options
  const idByText = new Map(tokens.map((text, id) => [text, id]))
  const pairs = new PairCounts()
  options.words.forEach((word, index) => {
    for (let i = 0; i + 1 < word.ids.length; i++) {
      pairs.change(word.ids[i] as number, word.ids[i + 1] as number, word.count, index)
    }
  })
  const heap = new PairHeap()
  pairs.offerGrown(heap)
  const merges: [number, number][] = []
  while (tokens.length < vocabularySize) {
    const top = heap.pop()
    if (top === undefined) break
    const count = pairs.count(top.pair)
    if (top.count !== count) {
      if (count > 0) heap.push({ ...top, count })
      continue
    }
    if (count < 1 || count < minFrequency) break
    const text = (tokens[top.left] as string) + (tokens[top.right] as string)
    let merged = idByText.get(text)
    if (merged === undefined) {
      merged = tokens.length
      tokens.push(text)
      idByText.set(text, merged)
    }
    merges.push([top.left, top.right])
    const places = pairs.take(top.pair)
    for (const index of places) {
      mergeInWord(options.words[index] as Word, top.left, top.right, merged, (left, right, change) =>
        pairs.change(left, right, change, index),
      )
    }
    pairs.offerGrown(heap)
    onMerge?.(tokens.length)
  }
  return merges
}

/** Replaces each (left, right) in a word and reports how the counts of its other pairs change. */
function mergeInWord(
  word: Word,
  left: number,
  right: number,
  merged: number,
  report: (left: number, right: number, change: number) => void,
): void {
  const { ids, count } = word
  let to = 0
  for (let from = 0; from < ids.length; to++) {
    if (ids[from] !== left || ids[from + 1] !== right) {
      ids[to] = ids[from++] as number
      continue
    }
    if (to > 0) {
      report(ids[to - 1] as number, left, -count)
      report(ids[to - 1] as number, merged, count)
    }
    from += 2
    if (from < ids.length) {
      report(right, ids[from] as number, -count)
      report(merged, ids[from] as number, count)
    }
    ids[to] = merged
  }
  ids.length = to
}

/** How often each pair occurs, and in which words. */
class PairCounts {
  private readonly indices = new PairTable(1 << 16)
  private readonly lefts: number[] = []
  private readonly rights: number[] = []
  private readonly counts: number[] = []
  /** Words that hold a pair, or held it once; a word may stand more than once. */
  private readonly places: number[][] = []
  /** Pairs whose count has grown since they were last offered. */
  private readonly grown = new Set<number>()

  count(pair: number): number {
    return this.counts[pair] as number
  }

  change(left: number, right: number, change: number, word: number): void {
    let pair = this.indices.get(left, right)
    if (pair < 0) {
      pair = this.counts.length
      this.indices.set(left, right, pair)
      this.lefts.push(left)
      this.rights.push(right)
      this.counts.push(0)
      this.places.push([])
    }
    ;(this.counts[pair] as number) += change
    if (change < 0) return
    const places = this.places[pair] as number[]
    if (places.at(-1) !== word) places.push(word)
    this.grown.add(pair)
  }

  /** @returns the words of a pair that is now merged away */
  take(pair: number): readonly number[] {
    const places = [...new Set(this.places[pair])]
    this.places[pair] = []
    this.counts[pair] = 0
    return places
  }

  offerGrown(heap: PairHeap): void {
    for (const pair of this.grown) {
      const count = this.counts[pair] as number
      if (count > 0) heap.push({ count, left: this.lefts[pair] as number, right: this.rights[pair] as number, pair })
    }
    this.grown.clear()
  }
}
