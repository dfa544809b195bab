import { mix32 } from '../random.ts'
import { hashGrams } from './grams.ts'

/** What of a text a signature sees. */
export interface MinHashOptions {
  readonly seed: number
  /** Numbers of a signature; a power of two. */
  readonly bins: number
  /** Words of a shingle. */
  readonly shingle: number
}

const empty = 0xffffffff

/**
 * MinHash signatures: two texts agree in a share of their numbers that estimates the Jaccard similarity of their sets of
 * shingles. One hash a shingle, by one permutation (Li, Owen and Zhang 2012) with optimal densification of empty bins
 * (Shrivastava 2017): the number of bins costs nothing.
 */
export class MinHash {
  private readonly options: MinHashOptions
  private readonly shift: number
  private shingles = new Uint32Array(1 << 12)

  constructor(options: MinHashOptions) {
    this.options = options
    this.shift = 32 - Math.log2(options.bins)
  }

  /** @param words word hashes @param into [bins] @returns false for a text without words, which has no signature */
  sign(words: Uint32Array, into: Uint32Array): boolean {
    const { seed, bins } = this.options
    if (words.length === 0) return false
    if (this.shingles.length < words.length) this.shingles = new Uint32Array(2 * words.length)
    const { shingles, shift } = this
    const count = hashGrams(words, Math.min(this.options.shingle, words.length), shingles, seed)
    into.fill(empty)
    for (let index = 0; index < count; index++) {
      const hash = Math.min(shingles[index] as number, empty - 1)
      const bin = hash >>> shift
      if (hash < (into[bin] as number)) into[bin] = hash
    }
    this.fillEmpty(into, bins)
    return true
  }

  /** An empty bin takes the number of another, chosen by a hash of the bin alone: equal sets choose alike. */
  private fillEmpty(signature: Uint32Array, bins: number): void {
    const own = signature.slice()
    for (let bin = 0; bin < bins; bin++) {
      if (own[bin] !== empty) continue
      for (let attempt = 1; ; attempt++) {
        const donor = own[mix32(Math.imul(bin + 1, 0x9e3779b9) + attempt) & (bins - 1)] as number
        if (donor === empty) continue
        signature[bin] = donor
        break
      }
    }
  }
}
