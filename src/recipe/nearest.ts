/** Edits (insertions, deletions, replacements) between two words (Levenshtein 1966). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}

/** The known word that a mistyped one probably means, if there is one. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known.map((other) => [distance(word.toLowerCase(), other.toLowerCase()), other] as const)
  const [best] = ranked.sort(([a], [b]) => a - b)
  return best && best[0] <= Math.ceil(best[1].length / 3) ? best[1] : undefined
}
