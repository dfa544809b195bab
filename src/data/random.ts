import type { Json } from './streams/stream.ts'

/** Avalanche of a 32-bit word (the finaliser of MurmurHash3). */
export function mix32(word: number): number {
  let x = word | 0
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

/** A word made of a text, over its UTF-16 units. */
export function textWord(text: string): number {
  let word = 0x811c9dc5
  for (let index = 0; index < text.length; index++) word = Math.imul(word ^ text.charCodeAt(index), 0x01000193)
  return mix32(word)
}

/**
 * A generator of random numbers whose state is one number: word i is a hash of the seed and i (a Weyl sequence through
 * {@link mix32} twice), so that it can be saved, and numbers depend on nothing else.
 */
export class Random {
  private readonly key: number
  private index: number

  /** @param seed any whole number @param stream tells generators of one seed apart */
  constructor(seed: number, stream = '') {
    this.key = mix32(mix32(seed) ^ textWord(stream) ^ mix32(Math.floor(seed / 2 ** 32)))
    this.index = 0
  }

  /** 32 random bits. */
  word(): number {
    this.index += 1
    return mix32(mix32(Math.imul(this.index, 0x9e3779b9) ^ this.key) + this.key)
  }

  /** Uniform in [0, 1), on a grid of 2⁻³². */
  uniform(): number {
    return this.word() / 2 ** 32
  }

  /** A whole number in [0, count). */
  below(count: number): number {
    return Math.floor(this.uniform() * count)
  }

  /** One of the items. */
  pick<T>(items: ArrayLike<T>): T {
    return items[this.below(items.length)] as T
  }

  state(): Json {
    return this.index
  }

  restore(index: number): void {
    this.index = index
  }
}
