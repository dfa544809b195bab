/** Ends of sentences in Western and Chinese texts, with the white space after them; else ends of lines. */
const sentence = /[^.!?。!?\n]*(?:[.!?。!?]+["'”’)]*\s*|\n+|$)/gu

/**
 * Cuts a text into pieces of at most so many tokens, between sentences where that is possible.
 *
 * @param count tells how many tokens a text has
 */
export function piecesOf(text: string, most: number, count: (text: string) => number): string[] {
  const pieces: string[] = []
  let current = ''
  let size = 0
  for (const part of partsOf(text, most, count)) {
    const length = count(part)
    if (current !== '' && size + length > most) {
      pieces.push(current.trim())
      current = ''
      size = 0
    }
    current += part
    size += length
  }
  if (current.trim() !== '') pieces.push(current.trim())
  return pieces
}

/** Sentences, and halves of those that are too long by themselves. */
function partsOf(text: string, most: number, count: (text: string) => number): string[] {
  const sentences = text.match(sentence)?.filter((part) => part !== '') ?? []
  return sentences.flatMap((part) => halves(part, most, count))
}

function halves(part: string, most: number, count: (text: string) => number): string[] {
  if (part.length < 2 || count(part) <= most) return [part]
  const characters = [...part]
  const middle = characters.length >> 1
  return [characters.slice(0, middle).join(''), characters.slice(middle).join('')].flatMap((half) =>
    halves(half, most, count),
  )
}
