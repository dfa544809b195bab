import { MergeTable } from '../models/merge.ts'

/**
 * Derives the merges of a SentencePiece vocabulary from its scores: any two neighbours whose joined text is a token may
 * merge, the highest score first and the leftmost among equals.
 *
 * @param scores score of each token [V]
 * @param forbidden ids that no text may become
 */
export function mergesFromScores(
  tokens: readonly string[],
  scores: ArrayLike<number>,
  vocabulary: ReadonlyMap<string, number>,
  forbidden: ReadonlySet<number>,
): MergeTable {
  const ordered = tokens.map((_, id) => id).filter((id) => !forbidden.has(id))
  ordered.sort((a, b) => (scores[b] as number) - (scores[a] as number))
  const merges = new MergeTable(tokens.length * 4)
  let rank = -1
  let lastScore = Number.NaN
  for (const id of ordered) {
    const score = scores[id] as number
    if (score !== lastScore) rank++
    lastScore = score
    const token = tokens[id] as string
    for (const cut of cuts(token)) {
      const left = vocabulary.get(token.slice(0, cut))
      const right = vocabulary.get(token.slice(cut))
      if (left !== undefined && right !== undefined) merges.add(left, right, rank, id)
    }
  }
  return merges
}

/** Longer tokens are whole words or markers that no merge reaches; the limit keeps a lying file from costing its square. */
const longestMerged = 256

function cuts(token: string): number[] {
  if (token.length > longestMerged) return []
  const places: number[] = []
  for (const character of token) places.push((places.at(-1) ?? 0) + character.length)
  return places.slice(0, -1)
}
