const positions = 2 ** 26

/**
 * A binary min-heap of (rank, position) pairs, each packed into one double: rank · 2²⁶ + position. Lower ranks come first,
 * then lower positions.
 */
export class MergeQueue {
  /** Positions must be below this. */
  static readonly positionLimit = positions
  private readonly heap: number[] = []

  get size(): number {
    return this.heap.length
  }

  push(rank: number, position: number): void {
    const { heap } = this
    const item = rank * positions + position
    let at = heap.length
    heap.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as number
      if (above <= item) break
      heap[at] = above
      at = parent
    }
    heap[at] = item
  }

  /** Takes the least pair out, packed; see {@link rankOf} and {@link positionOf}. */
  pop(): number {
    const { heap } = this
    const top = heap[0] as number
    const item = heap.pop() as number
    const size = heap.length
    if (size === 0) return top
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= size) break
      if (child + 1 < size && (heap[child + 1] as number) < (heap[child] as number)) child++
      if ((heap[child] as number) >= item) break
      heap[at] = heap[child] as number
      at = child
    }
    heap[at] = item
    return top
  }
}

export function rankOf(packed: number): number {
  return Math.floor(packed / positions)
}

export function positionOf(packed: number): number {
  return packed % positions
}
