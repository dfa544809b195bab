import { mix32 } from '../random.ts'

const multiplier = 0x9e3779b1

/**
 * A hash of every run of `order` words, rolled from word to word.
 *
 * @param words word hashes [W]
 * @param into at least [W − order + 1]
 * @param seed makes hashes that are independent of those of another seed
 * @returns how many runs there are
 */
export function hashGrams(words: Uint32Array, order: number, into: Uint32Array, seed = 0): number {
  const base = baseOf(seed)
  // What the word that leaves the run still weighs.
  let leaving = 1
  for (let index = 0; index < order; index++) leaving = Math.imul(leaving, base)
  let hash = 0
  let count = 0
  for (let index = 0; index < words.length; index++) {
    hash = (Math.imul(hash, base) + (words[index] as number)) | 0
    if (index >= order) hash = (hash - Math.imul(leaving, words[index - order] as number)) | 0
    if (index >= order - 1) into[count++] = mix32(hash ^ seed)
  }
  return count
}

/** One of the hashes that {@link hashGrams} gives: that of the run from `start`. */
export function hashGram(words: Uint32Array, start: number, order: number, seed = 0): number {
  const base = baseOf(seed)
  let hash = 0
  for (let index = start; index < start + order; index++) hash = (Math.imul(hash, base) + (words[index] as number)) | 0
  return mix32(hash ^ seed)
}

function baseOf(seed: number): number {
  return (Math.imul(seed, 0x85ebca6b) ^ multiplier) | 1
}

/** Counts how often hashes occur, in memory that is used again. */
export class HashCounter {
  private keys = new Uint32Array(1 << 12)
  private counts = new Uint32Array(1 << 12)
  private mask = 0

  /** Forgets all. @param most hashes that will be added */
  reset(most: number): void {
    let size = 1 << 6
    while (size < 2 * most) size *= 2
    if (size > this.keys.length) {
      this.keys = new Uint32Array(size)
      this.counts = new Uint32Array(size)
    } else this.counts.fill(0, 0, size)
    this.mask = size - 1
  }

  /** @returns how often the hash had been added before */
  add(hash: number): number {
    const { keys, counts, mask } = this
    let slot = hash & mask
    while (counts[slot] !== 0 && keys[slot] !== hash) slot = (slot + 1) & mask
    keys[slot] = hash
    const before = counts[slot] as number
    counts[slot] = before + 1
    return before
  }
}
