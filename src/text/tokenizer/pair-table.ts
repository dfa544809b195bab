/** A map from pairs of whole numbers (0 … 2³¹ − 1) to whole numbers, in flat arrays: open addressing, linear probing. */
export class PairTable {
  private first: Int32Array
  private second: Int32Array
  private values: Int32Array
  private mask: number
  private count = 0

  /** @param expected how many pairs will be set; the table grows beyond it */
  constructor(expected = 16) {
    let slots = 16
    while (slots < expected * 2) slots *= 2
    this.first = new Int32Array(slots).fill(-1)
    this.second = new Int32Array(slots)
    this.values = new Int32Array(slots)
    this.mask = slots - 1
  }

  /** @returns the value, or −1 where the pair is absent */
  get(first: number, second: number): number {
    const { mask } = this
    for (let slot = hash(first, second) & mask; ; slot = (slot + 1) & mask) {
      const held = this.first[slot] as number
      if (held === -1) return -1
      if (held === first && this.second[slot] === second) return this.values[slot] as number
    }
  }

  set(first: number, second: number, value: number): void {
    if (this.count * 2 >= this.first.length) this.grow()
    const { mask } = this
    let slot = hash(first, second) & mask
    while (this.first[slot] !== -1 && !(this.first[slot] === first && this.second[slot] === second))
      slot = (slot + 1) & mask
    if (this.first[slot] === -1) this.count++
    this.first[slot] = first
    this.second[slot] = second
    this.values[slot] = value
  }

  private grow(): void {
    const { first, second, values } = this
    const slots = first.length * 2
    this.first = new Int32Array(slots).fill(-1)
    this.second = new Int32Array(slots)
    this.values = new Int32Array(slots)
    this.mask = slots - 1
    this.count = 0
    for (let slot = 0; slot < first.length; slot++) {
      if (first[slot] !== -1) this.set(first[slot] as number, second[slot] as number, values[slot] as number)
    }
  }
}

function hash(first: number, second: number): number {
  const mixed = Math.imul(first, 0x9e3779b1) ^ Math.imul(second + 0x7f4a7c15, 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}
