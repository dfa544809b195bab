import { hash } from 'node:crypto'
import { HashSet64 } from './hash-set.ts'
import type { Filter } from './stage.ts'

/** Drops texts that came before, white space at their ends aside: by the first 64 bits of a SHA-1. */
export function exactDuplicates(): Filter {
  const seen = new HashSet64()
  return {
    name: 'exact duplicates',
    judge({ text }) {
      const digest = hash('sha1', text.trim())
      const [low, high] = [digest.slice(0, 8), digest.slice(8, 16)].map((half) => Number.parseInt(half, 16))
      return seen.add(low as number, high as number) ? undefined : 'came before'
    },
  }
}
