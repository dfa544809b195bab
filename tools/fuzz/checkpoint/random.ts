/** A small generator of random numbers: the same seed gives the same numbers (xorshift128). */
export class Random {
  private readonly state: Uint32Array

  constructor(seed: number, stream: number) {
    this.state = Uint32Array.of(seed ^ 0x9e3779b9, stream ^ 0x85ebca6b, 0xc2b2ae35, (seed * 31 + stream) >>> 0)
    for (let warm = 0; warm < 16; warm += 1) this.next()
  }

  /** A whole number of 32 bits. */
  next(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.state
    const t = a ^ (a << 11)
    this.state.set([b, c, d, d ^ (d >>> 19) ^ t ^ (t >>> 8)])
    return this.state[3] as number
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    return limit > 0 ? this.next() % limit : 0
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T
  }
}
