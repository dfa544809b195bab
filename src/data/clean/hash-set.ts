/** A set of 64-bit hashes, eight bytes and a little room each. */
export class HashSet64 {
  private low: Uint32Array
  private high: Uint32Array
  private count = 0

  constructor(capacity = 1 << 12) {
    this.low = new Uint32Array(capacity)
    this.high = new Uint32Array(capacity)
  }

  get size(): number {
    return this.count
  }

  /** @returns true where the hash is new */
  add(low: number, high: number): boolean {
    if (this.count * 4 > this.low.length * 3) this.grow()
    const slot = this.find(low, high || 1)
    if (this.high[slot] !== 0) return false
    this.low[slot] = low
    this.high[slot] = high || 1
    this.count += 1
    return true
  }

  has(low: number, high: number): boolean {
    return this.high[this.find(low, high || 1)] !== 0
  }

  /** The slot that holds the hash, or the free one where it would go; a free slot has no high half. */
  private find(low: number, high: number): number {
    const mask = this.low.length - 1
    let slot = low & mask
    while (this.high[slot] !== 0 && (this.low[slot] !== low || this.high[slot] !== high)) slot = (slot + 1) & mask
    return slot
  }

  private grow(): void {
    const { low, high } = this
    this.low = new Uint32Array(2 * low.length)
    this.high = new Uint32Array(2 * high.length)
    for (let slot = 0; slot < low.length; slot++) {
      const [lower, higher] = [low[slot] as number, high[slot] as number]
      if (higher === 0) continue
      const free = this.find(lower, higher)
      this.low[free] = lower
      this.high[free] = higher
    }
  }
}
