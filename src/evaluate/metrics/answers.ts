import { countGrams, harmonicMean, sharedCount } from './grams.ts'

/**
 * A short answer as comparisons see it: lower case, without punctuation and English articles, white space as single
 * spaces (the normalisation of SQuAD, Rajpurkar et al. 2016), and spaces around each Chinese character.
 */
export function normalizeAnswer(answer: string): string {
  return answer
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\p{P}\p{S}]/gu, '')
    .replace(/\b(a|an|the)\b/gu, ' ')
    .replace(/\p{Script=Han}/gu, ' $& ')
    .trim()
    .replace(/\s+/gu, ' ')
}

/** Whether an answer equals one of the references after {@link normalizeAnswer}. */
export function exactMatch(answer: string, references: string | readonly string[]): boolean {
  const normalized = normalizeAnswer(answer)
  return [references].flat().some((reference) => normalizeAnswer(reference) === normalized)
}

/** Overlap of the words (or Chinese characters) of an answer and a reference, 0 to 1; of several references the best. */
export function tokenF1(answer: string, references: string | readonly string[]): number {
  return Math.max(0, ...[references].flat().map((reference) => overlap(answer, reference)))
}

function overlap(answer: string, reference: string): number {
  const [given, expected] = [answer, reference].map((text) => normalizeAnswer(text).split(' ').filter(Boolean)) as [
    string[],
    string[],
  ]
  // Where one says nothing, only saying nothing is right.
  if (given.length === 0 || expected.length === 0) return given.length === expected.length ? 1 : 0
  const shared = sharedCount(countGrams(given, 1), countGrams(expected, 1))
  return harmonicMean(shared / given.length, shared / expected.length)
}
