import { escapePattern } from './pattern.ts'

/**
 * Where text has to be cut so that no special token can be read across it, wherever it is put: inside each occurrence of a
 * token's text, after an end that begins one and before a start that ends one. (A name that stands whole between a
 * template's own `<|` and `|>` is not cut: the template means it to be part of its token.)
 */
export class SpecialTextFinder {
  private readonly pattern: RegExp | undefined
  private readonly prefixes = new Set<string>()
  private readonly suffixes = new Set<string>()
  private readonly longest: number

  constructor(tokens: Iterable<string>) {
    const texts = [...new Set(tokens)].filter((token) => token !== '').sort((a, b) => a.length - b.length)
    this.longest = texts.at(-1)?.length ?? 0
    // The shortest match at a place is enough: a cut after its first character breaks the longer ones as well.
    if (texts.length > 0) this.pattern = new RegExp(texts.map(escapePattern).join('|'), 'g')
    for (const text of texts) {
      for (let length = 1; length < text.length; length++) {
        this.prefixes.add(text.slice(0, length))
        this.suffixes.add(text.slice(-length))
      }
    }
  }

  /** @returns offsets in rising order; 0 and the text's length among them where an edge has to be cut */
  cuts(text: string): number[] {
    const cuts = new Set<number>()
    const { pattern } = this
    if (pattern) {
      pattern.lastIndex = 0
      for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
        // A token of one character has no inside: it is fenced on both sides.
        if (match[0].length === 1) cuts.add(match.index)
        cuts.add(match.index + 1)
        pattern.lastIndex = match.index + 1
      }
    }
    this.cutEdges(text, 0, text.length, cuts)
    // Templates like to trim what they are given.
    const start = text.length - text.trimStart().length
    this.cutEdges(text, start, Math.max(start, text.trimEnd().length), cuts)
    return [...cuts].sort((a, b) => a - b)
  }

  /** Cuts at the ends of text[start, end) where a token's end or beginning stands. */
  private cutEdges(text: string, start: number, end: number, cuts: Set<number>): void {
    const reach = Math.min(this.longest - 1, end - start)
    for (let length = 1; length <= reach; length++) {
      if (this.suffixes.has(text.slice(start, start + length))) cuts.add(start)
      if (this.prefixes.has(text.slice(end - length, end))) cuts.add(end)
    }
  }
}

/** @returns whether a special token at [start, end) is cut by one of the rising offsets */
export function isCut(barriers: readonly number[], start: number, end: number): boolean {
  const index = firstAtLeast(barriers, end - start === 1 ? start : start + 1)
  if (end - start === 1) return barriers[index] === start && barriers[index + 1] === end
  return index < barriers.length && (barriers[index] as number) < end
}

function firstAtLeast(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}
