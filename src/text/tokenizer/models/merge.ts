import { R1Error } from '../../../errors.ts'
import { MergeQueue, positionOf, rankOf } from '../merge-queue.ts'
import { PairTable } from '../pair-table.ts'

/** The merges of a byte-pair encoding: for two neighbouring ids their rank (lower merges first) and the id they become. */
export class MergeTable {
  private readonly indices: PairTable
  private readonly ranks: number[] = []
  private readonly results: number[] = []

  constructor(expected: number) {
    this.indices = new PairTable(expected)
  }

  /** Adds a merge; of two for the same pair the later holds. */
  add(left: number, right: number, rank: number, result: number): void {
    this.indices.set(left, right, this.ranks.length)
    this.ranks.push(rank)
    this.results.push(result)
  }

  /** @returns an index for {@link rank} and {@link result}, or −1 */
  find(left: number, right: number): number {
    return this.indices.get(left, right)
  }

  rank(index: number): number {
    return this.ranks[index] as number
  }

  result(index: number): number {
    return this.results[index] as number
  }
}

const fewSymbols = 48

/** Merges neighbours, lowest rank first and leftmost among equals, until no pair of the table is left. */
export function mergeSymbols(symbols: number[], table: MergeTable): number[] {
  if (symbols.length < 2) return symbols
  return symbols.length <= fewSymbols ? mergeFew(symbols, table) : mergeMany(symbols, table)
}

/** Scans all neighbours for the best at each step: the square of a length that is small. */
function mergeFew(symbols: number[], table: MergeTable): number[] {
  const merges: number[] = []
  for (let i = 0; i + 1 < symbols.length; i++) merges.push(table.find(symbols[i] as number, symbols[i + 1] as number))
  for (;;) {
    let best = -1
    let bestRank = Number.POSITIVE_INFINITY
    for (let i = 0; i < merges.length; i++) {
      const merge = merges[i] as number
      if (merge >= 0 && table.rank(merge) < bestRank) {
        best = i
        bestRank = table.rank(merge)
      }
    }
    if (best < 0) return symbols
    symbols[best] = table.result(merges[best] as number)
    symbols.splice(best + 1, 1)
    merges.splice(best, 1)
    if (best > 0) merges[best - 1] = table.find(symbols[best - 1] as number, symbols[best] as number)
    if (best < merges.length) merges[best] = table.find(symbols[best] as number, symbols[best + 1] as number)
  }
}

/** A linked list of symbols and a heap of its pairs: n log n. */
function mergeMany(symbols: number[], table: MergeTable): number[] {
  const length = symbols.length
  if (length >= MergeQueue.positionLimit) {
    throw new R1Error('text-too-long', `A word of ${length} symbols is too long to encode.`, {
      remedy: 'Split the text.',
    })
  }
  const ids = Int32Array.from(symbols)
  const previous = new Int32Array(length)
  const next = new Int32Array(length)
  // The merge that each symbol can make with its right neighbour; −1 for none and for symbols merged away.
  const merges = new Int32Array(length).fill(-1)
  const queue = new MergeQueue()
  const offer = (left: number): void => {
    const right = next[left] as number
    const merge = right < length ? table.find(ids[left] as number, ids[right] as number) : -1
    merges[left] = merge
    if (merge >= 0) queue.push(table.rank(merge), left)
  }
  for (let i = 0; i < length; i++) {
    previous[i] = i - 1
    next[i] = i + 1
  }
  for (let i = 0; i + 1 < length; i++) offer(i)
  while (queue.size > 0) {
    const packed = queue.pop()
    const left = positionOf(packed)
    const merge = merges[left] as number
    // An entry is stale once its pair has changed.
    if (merge < 0 || table.rank(merge) !== rankOf(packed)) continue
    const right = next[left] as number
    const after = next[right] as number
    ids[left] = table.result(merge)
    merges[right] = -1
    next[left] = after
    if (after < length) previous[after] = left
    offer(left)
    if ((previous[left] as number) >= 0) offer(previous[left] as number)
  }
  const merged: number[] = []
  for (let i = 0; i < length; i = next[i] as number) merged.push(ids[i] as number)
  return merged
}
