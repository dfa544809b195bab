/** A stretch of text: a word, or what stands between words. */
export interface Segment {
  readonly text: string
  readonly isWord: boolean
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'word' })

/** A text in words and what stands between them; Chinese and Japanese by dictionary. Joined, they are the text. */
export function segmentsOf(text: string): Segment[] {
  return Array.from(segmenter.segment(text), ({ segment, isWordLike }) => ({
    text: segment,
    isWord: isWordLike === true,
  }))
}
