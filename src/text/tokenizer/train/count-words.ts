import { splitByPattern } from '../split.ts'
import { wellFormed } from '../well-formed.ts'

/** The distinct pieces of a corpus with how often each occurs. */
export type WordCounts = ReadonlyMap<string, { count: number }>

export interface CountWordsOptions {
  pattern: RegExp
  signal?: AbortSignal
  /** Called after each text with the characters read so far. */
  onText?: (characters: number) => void
}

/** Cuts texts as the tokenizer will and counts the pieces. @throws the signal's reason when aborted */
export async function countWords(
  texts: Iterable<string> | AsyncIterable<string>,
  { pattern, signal, onText }: CountWordsOptions,
): Promise<WordCounts> {
  const counts = new Map<string, { count: number }>()
  let characters = 0
  for await (const text of texts) {
    signal?.throwIfAborted()
    for (const word of splitByPattern(wellFormed(text), pattern, 'Isolated')) {
      const known = counts.get(word)
      if (known) known.count++
      else counts.set(detached(word), { count: 1 })
    }
    characters += text.length
    onText?.(characters)
  }
  return counts
}

/** Copies a string: a slice would keep the whole text it was cut from in memory. */
function detached(word: string): string {
  return word.length < 13 ? word : Buffer.from(word, 'utf16le').toString('utf16le')
}
