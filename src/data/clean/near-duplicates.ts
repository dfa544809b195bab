import { R1Error } from '../../errors.ts'
import { BandIndex } from './band-index.ts'
import { MinHash } from './min-hash.ts'
import type { Filter } from './stage.ts'

export interface NearDuplicateOptions {
  /** Estimated Jaccard similarity of the sets of shingles from which two texts are alike. Default 0.8. */
  readonly threshold?: number
  /** Words of a shingle. Default 5. */
  readonly shingle?: number
  /** Numbers of a signature, a power of two. Default 128: the estimate errs by 0.035 at 0.8. */
  readonly bins?: number
  /** Bands of a signature: with b bands of r numbers, texts of similarity s meet with chance 1 − (1 − sʳ)ᵇ. Default 16. */
  readonly bands?: number
  readonly seed?: number
}

/**
 * Drops texts much like an earlier one that was kept (MinHash and locality-sensitive hashing, Broder 1997). Memory: 300 to
 * 470 bytes a kept text, whatever its length.
 *
 * @throws R1Error `bad-option`
 */
export function nearDuplicates({
  threshold = 0.8,
  shingle = 5,
  bins = 128,
  bands = 16,
  seed = 0,
}: NearDuplicateOptions = {}): Filter {
  if (!Number.isInteger(Math.log2(bins)) || bins % bands !== 0) {
    throw new R1Error('bad-option', `A signature of ${bins} numbers cannot have ${bands} bands.`, {
      remedy: 'Take a power of two, and a number of bands that divides it.',
    })
  }
  const minHash = new MinHash({ seed, bins, shingle })
  const index = new BandIndex(bins, bands)
  const signature = new Uint32Array(bins)
  return {
    name: 'near duplicates',
    judge(_, { words }) {
      if (!minHash.sign(words, signature)) return undefined
      return index.addUnlessLike(signature, threshold) ? undefined : 'much like an earlier one'
    },
  }
}
