import { hashGram, hashGrams } from './grams.ts'
import { HashSet64 } from './hash-set.ts'
import { ProfileScanner } from './profile.ts'
import type { Filter } from './stage.ts'

export interface DecontaminateOptions {
  /** Words in a row that must not be shared; a Chinese character is a word. Default 13. */
  readonly words?: number
  /** Evaluation texts with fewer words than these are left out: everyday phrases. Shorter than `words`, all must match. Default 8. */
  readonly leastWords?: number
}

/**
 * Drops texts that share a run of words with an evaluation set (13 words as in Brown et al. 2020), whatever their case,
 * punctuation and spaces.
 *
 * @param evaluation its texts: questions and answers
 */
export function decontaminate(
  evaluation: Iterable<string>,
  { words: order = 13, leastWords = 8 }: DecontaminateOptions = {},
): Filter {
  const scanner = new ProfileScanner()
  // Short texts are looked for whole, so there is a set for each length.
  const sets = new Map<number, GramSet>()
  for (const text of evaluation) {
    const { words } = scanner.scan(text)
    if (words.length < Math.min(leastWords, order)) continue
    const size = Math.min(order, words.length)
    const set = sets.get(size) ?? new GramSet(size)
    sets.set(size, set)
    set.add(words)
  }
  return {
    name: 'decontamination',
    judge(_, { words }) {
      for (const set of sets.values()) if (set.meets(words)) return `${set.order} words of an evaluation set`
      return undefined
    },
  }
}

const filterBits = 20

/**
 * Runs of words as 64-bit hashes: at 32 bits chance would drop one long text in a hundred. The second half is worked out
 * only where a bit of the filter says that the first may be there.
 */
class GramSet {
  readonly order: number
  private readonly hashes = new HashSet64()
  private readonly filter = new Uint8Array(1 << filterBits)
  private first = new Uint32Array(1 << 12)

  constructor(order: number) {
    this.order = order
  }

  add(words: Uint32Array): void {
    const count = this.hashAll(words)
    for (let start = 0; start < count; start++) {
      const first = this.first[start] as number
      this.filter[first >>> (32 - filterBits)] = 1
      this.hashes.add(first, this.second(words, start))
    }
  }

  /** Whether one of the runs is among those added. */
  meets(words: Uint32Array): boolean {
    const count = this.hashAll(words)
    for (let start = 0; start < count; start++) {
      const first = this.first[start] as number
      if (this.filter[first >>> (32 - filterBits)] === 0) continue
      if (this.hashes.has(first, this.second(words, start))) return true
    }
    return false
  }

  private hashAll(words: Uint32Array): number {
    if (this.first.length < words.length) this.first = new Uint32Array(2 * words.length)
    return hashGrams(words, this.order, this.first, 1)
  }

  private second(words: Uint32Array, start: number): number {
    return hashGram(words, start, this.order, 2)
  }
}
