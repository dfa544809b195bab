/** A growing list of token ids in one typed array. */
export class IdBuffer {
  length = 0
  private ids = new Int32Array(256)

  push(id: number): void {
    if (this.length === this.ids.length) this.grow(this.length + 1)
    this.ids[this.length++] = id
  }

  pushAll(ids: ArrayLike<number>): void {
    if (this.length + ids.length > this.ids.length) this.grow(this.length + ids.length)
    for (let i = 0; i < ids.length; i++) this.ids[this.length++] = ids[i] as number
  }

  last(): number | undefined {
    return this.length === 0 ? undefined : this.ids[this.length - 1]
  }

  /** @returns a copy of the ids from `start` on */
  slice(start = 0): Int32Array {
    return this.ids.slice(start, this.length)
  }

  private grow(least: number): void {
    const larger = new Int32Array(Math.max(least, this.ids.length * 2))
    larger.set(this.ids.subarray(0, this.length))
    this.ids = larger
  }
}
