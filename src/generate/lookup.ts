/** Tokens that have to agree before what followed them is taken for a draft: rather more of them. */
const keyLengths = [3, 2] as const

/** Most tokens of one draft. */
export const longestDraft = 15

/**
 * Guesses tokens by what followed the last few ones when they stood earlier in prompt or text (prompt lookup). Texts that
 * quote or repeat are guessed well, and a wrong guess only costs its share of one step.
 */
export class PromptLookup {
  private readonly places = new Map<string, number>()
  private indexed = 0
  /** Drafts in a row that were right to their ends. */
  private streak = 0

  /**
   * @param tokens prompt and text, which grow from call to call
   * @param most tokens that may be drafted
   */
  draft(tokens: readonly number[], most: number): number[] {
    this.index(tokens)
    for (const length of keyLengths) {
      const place = tokens.length < length ? undefined : this.places.get(keyOf(tokens, tokens.length, length))
      if (place === undefined) continue
      // As many as agree; twice as many after each draft that was right.
      const count = Math.min(longestDraft, length * 2 ** Math.min(this.streak, 8))
      return tokens.slice(place, place + Math.min(count, most))
    }
    return []
  }

  /** Told how many of the drafted tokens were right. */
  learn(drafted: number, accepted: number): void {
    if (drafted > 0) this.streak = accepted === drafted ? this.streak + 1 : 0
  }

  /** Remembers what followed where, the latest place of several. */
  private index(tokens: readonly number[]): void {
    for (const length of keyLengths) {
      for (let end = Math.max(this.indexed, length); end < tokens.length; end++)
        this.places.set(keyOf(tokens, end, length), end)
    }
    this.indexed = Math.max(this.indexed, tokens.length)
  }
}

/** The tokens before a place. */
function keyOf(tokens: readonly number[], end: number, length: number): string {
  return tokens.slice(end - length, end).join()
}
