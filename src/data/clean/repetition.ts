import { HashCounter, hashGrams } from './grams.ts'
import type { Profile } from './profile.ts'
import type { Filter } from './stage.ts'

export interface RepetitionLimits {
  /** Share of words in lines that occurred before. Default 0.3. */
  readonly repeatedLines?: number
  /** Share of words in the most frequent run of so many words. Default 0.2 for 2, 0.18 for 3, 0.16 for 4. */
  readonly topRuns?: Readonly<Record<number, number>>
  /** Share of words in runs of so many words that occurred before. Default 0.2 for 10. */
  readonly repeatedRuns?: Readonly<Record<number, number>>
}

/**
 * Drops texts that say the same again and again: after the rules of Gopher (Rae et al. 2021, table A1), by words, and only
 * for longer runs, since manuals and Chinese, whose characters are words here, repeat short ones in good texts.
 */
export function repetition({
  repeatedLines = 0.3,
  topRuns = { 2: 0.2, 3: 0.18, 4: 0.16 },
  repeatedRuns = { 10: 0.2 },
}: RepetitionLimits = {}): Filter {
  const counter = new HashCounter()
  let hashes = new Uint32Array(1 << 12)
  const top = Object.entries(topRuns).map(([order, limit]) => [Number(order), limit] as const)
  const repeated = Object.entries(repeatedRuns).map(([order, limit]) => [Number(order), limit] as const)
  return {
    name: 'repetition',
    judge(_, profile) {
      const { words } = profile
      if (hashes.length < words.length) hashes = new Uint32Array(2 * words.length)
      if (wordsInRepeatedLines(profile, counter) > repeatedLines * words.length) return 'repeated lines'
      // No run is more frequent, and no more words repeat, than in shorter runs: most texts need one pass of each kind.
      let most = words.length
      for (const [order, limit] of top) {
        if (most * order <= limit * words.length) continue
        const runs = hashes.subarray(0, hashGrams(words, order, hashes))
        most = highestCount(runs, counter)
        if (most * order > limit * words.length) return `one run of ${order} words over and over`
      }
      let repeats = words.length
      for (const [order, limit] of repeated) {
        if (repeats <= limit * words.length) continue
        const runs = hashes.subarray(0, hashGrams(words, order, hashes))
        repeats = wordsInRepeatedRuns(runs, order, counter)
        if (repeats > limit * words.length) return `repeated runs of ${order} words`
      }
      return undefined
    },
  }
}

function wordsInRepeatedLines({ lineHashes, lineWords }: Profile, counter: HashCounter): number {
  counter.reset(lineHashes.length)
  let words = 0
  for (let line = 0; line < lineHashes.length; line++) {
    if (counter.add(lineHashes[line] as number) > 0) words += lineWords[line] as number
  }
  return words
}

/** How often the most frequent run occurs; 0 where none occurs twice. */
function highestCount(runs: Uint32Array, counter: HashCounter): number {
  counter.reset(runs.length)
  let most = 0
  for (let index = 0; index < runs.length; index++) most = Math.max(most, counter.add(runs[index] as number))
  return most === 0 ? 0 : most + 1
}

/** Words covered by runs that occurred before, each counted once. */
function wordsInRepeatedRuns(runs: Uint32Array, order: number, counter: HashCounter): number {
  counter.reset(runs.length)
  let words = 0
  let covered = 0
  for (let start = 0; start < runs.length; start++) {
    if (counter.add(runs[start] as number) === 0) continue
    words += start + order - Math.max(start, covered)
    covered = start + order
  }
  return words
}
