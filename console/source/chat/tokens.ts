import type { Token } from '../api/types.ts'

/**
 * The tokens of a text without those before and behind it: a model also writes marks, such as `</think>`, that belong to
 * neither its thought nor its answer.
 *
 * @returns all tokens where the text is not found in them
 */
export function tokensOf(text: string, tokens: readonly Token[]): readonly Token[] {
  const wanted = text.trim()
  // The last place: an answer stands behind the marks, and what is short may occur in them too.
  const start = tokens
    .map((token) => token.text)
    .join('')
    .lastIndexOf(wanted)
  if (wanted === '' || start < 0) return tokens
  const end = start + wanted.length
  let at = 0
  return tokens.filter((token) => {
    const begins = at
    at += token.text.length
    return at > start && begins < end
  })
}
