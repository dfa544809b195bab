/** Tokens that have to agree before what followed them is taken for a draft. */
const keyLength = 3

/** Drafts grow while all of them are accepted, and start again small. */
const [shortest, longest] = [3, 15] as const

/** Most tokens of one draft. */
export const longestDraft = longest

/**
 * Guesses tokens by what followed the last few ones when they stood earlier in prompt or text (prompt lookup). Texts that
 * quote or repeat are guessed well, and a wrong guess only costs its share of one step.
 */
export class PromptLookup {
  private readonly places = new Map<string, number>()
  private indexed = 0
  private length: number = shortest

  /**
   * @param tokens prompt and text, which grow from call to call
   * @param most tokens that may be drafted
   */
  draft(tokens: readonly number[], most: number): number[] {
    const place = this.find(tokens)
    if (place === undefined) return []
    return tokens.slice(place, place + Math.min(this.length, most))
  }

  /** Told how many of the drafted tokens were right. */
  learn(drafted: number, accepted: number): void {
    if (drafted === 0) return
    this.length = accepted === drafted ? Math.min(longest, this.length * 2) : shortest
  }

  /** Where something followed the last tokens before, the latest place of several. */
  private find(tokens: readonly number[]): number | undefined {
    for (let end = Math.max(this.indexed, keyLength); end < tokens.length; end++)
      this.places.set(keyOf(tokens, end), end)
    this.indexed = Math.max(this.indexed, tokens.length)
    return tokens.length < keyLength ? undefined : this.places.get(keyOf(tokens, tokens.length))
  }
}

/** The tokens before a place. */
function keyOf(tokens: readonly number[], end: number): string {
  return `${tokens[end - 3]},${tokens[end - 2]},${tokens[end - 1]}`
}
