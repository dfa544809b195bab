/** What SentencePiece does to blanks. */
export interface BlankRules {
  /** Puts a blank before the text. */
  prefix: boolean
  /** Runs of blanks become one; those at the ends go. */
  merge: boolean
}

/** Writes blanks as `▁`, by SentencePiece's rules. */
export function escapeBlanks(text: string, rules: BlankRules): string {
  if (!rules.merge) {
    if (!rules.prefix) return text.replaceAll(' ', '▁')
    // The prefix stands before the first character that is not a blank.
    const first = text.search(/[^ ]/)
    if (first < 0) return text.replaceAll(' ', '▁')
    return `${'▁'.repeat(first + 1)}${text.slice(first).replaceAll(' ', '▁')}`
  }
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => `▁${word}`)
    .join('')
}
