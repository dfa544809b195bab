import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { randomWord, streamKey } from '../../src/tensor/index.ts'

/**
 * Windows of real text for models of bytes, each given once: the source of the TypeScript compiler (9 MB), which every
 * clone has under the same version.
 */
export class FreshText {
  private readonly bytes: Uint8Array
  private readonly length: number
  private readonly order: Uint32Array
  private used = 0

  /** @param length bytes of a window; the byte after it is the target of its last one */
  constructor(length: number, seed: number) {
    this.bytes = readFileSync(createRequire(import.meta.url).resolve('typescript'))
    this.length = length
    this.order = shuffled(Math.floor((this.bytes.length - 1) / length), streamKey(seed, 'windows'))
  }

  /** The next windows as ids and targets, i64 `[count, length]` each. */
  take(count: number): { ids: BigInt64Array<ArrayBuffer>; targets: BigInt64Array<ArrayBuffer> } {
    if (this.used + count > this.order.length) throw new Error('The text is used up: fewer steps are possible.')
    const ids = new BigInt64Array(count * this.length)
    const targets = new BigInt64Array(count * this.length)
    for (let row = 0; row < count; row++) {
      const begin = (this.order[this.used++] as number) * this.length
      for (let at = 0; at < this.length; at++) {
        ids[row * this.length + at] = BigInt(this.bytes[begin + at] as number)
        targets[row * this.length + at] = BigInt(this.bytes[begin + at + 1] as number)
      }
    }
    return { ids, targets }
  }
}

/** 0 … count − 1 in an order that depends on the key alone (Fisher and Yates). */
function shuffled(count: number, key: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index)
  for (let last = count - 1; last > 0; last--) {
    const other = randomWord(key, last) % (last + 1)
    const kept = order[last] as number
    order[last] = order[other] as number
    order[other] = kept
  }
  return order
}
