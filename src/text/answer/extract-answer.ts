import { extractBoxed } from './boxed.ts'
import { extractLastNumber } from './number.ts'

/** Where an answer was found. */
export type AnswerSource = 'boxed' | 'hashes' | 'number'

export interface ExtractedAnswer {
  source: AnswerSource
  text: string
}

const extractors: Record<AnswerSource, (text: string) => string | undefined> = {
  boxed: extractBoxed,
  hashes: extractHashes,
  number: (text) => extractLastNumber(text)?.text,
}

/**
 * Finds the final answer of a solution.
 *
 * @param sources in the order in which they are tried; by default `\boxed{}`, then GSM8K's `####`, then the last number
 */
export function extractAnswer(
  text: string,
  sources: readonly AnswerSource[] = ['boxed', 'hashes', 'number'],
): ExtractedAnswer | undefined {
  for (const source of sources) {
    const found = extractors[source](text)
    if (found !== undefined && found !== '') return { source, text: found }
  }
  return undefined
}

/** @returns what stands after the last `####` on its line */
export function extractHashes(text: string): string | undefined {
  const at = text.lastIndexOf('####')
  if (at < 0) return undefined
  const end = text.indexOf('\n', at)
  return text.slice(at + 4, end < 0 ? text.length : end).trim()
}
