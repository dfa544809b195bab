/** An entry of {@link PairHeap}. */
export interface PairEntry {
  /** Occurrences when the entry was made. */
  count: number
  left: number
  right: number
  /** Index of the pair in the trainer's tables. */
  pair: number
}

/** A binary heap of pairs: the most frequent first, the lower ids first among equals. */
export class PairHeap {
  private readonly entries: PairEntry[] = []

  get size(): number {
    return this.entries.length
  }

  push(entry: PairEntry): void {
    const { entries } = this
    let at = entries.length
    entries.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = entries[parent] as PairEntry
      if (!comesBefore(entry, above)) break
      entries[at] = above
      at = parent
    }
    entries[at] = entry
  }

  pop(): PairEntry | undefined {
    const { entries } = this
    const top = entries[0]
    const last = entries.pop()
    const size = entries.length
    if (size === 0 || last === undefined) return top
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= size) break
      if (child + 1 < size && comesBefore(entries[child + 1] as PairEntry, entries[child] as PairEntry)) child++
      if (!comesBefore(entries[child] as PairEntry, last)) break
      entries[at] = entries[child] as PairEntry
      at = child
    }
    entries[at] = last
    return top
  }
}

function comesBefore(a: PairEntry, b: PairEntry): boolean {
  if (a.count !== b.count) return a.count > b.count
  return a.left !== b.left ? a.left < b.left : a.right < b.right
}
