/** Most tokens of one draft. */
export const longestDraft = 15

/** Most tokens before a place that are compared; after more of them, the same follows anyway. */
const longestMatch = 10

/**
 * What one more token in a step costs, as a part of what a step costs each of its texts: a drafted token is worth that if it
 * is right at least so often. A step reads all weights however few tokens it has, so for one text even a guess that is
 * seldom right pays; among many texts the tokens themselves are what costs.
 */
const costOfToken = (texts: number): number => (0.7 * texts) / (texts + 6)

/** How often a guess is right after so many tokens that agree, before any was tried, and how many tries that counts for. */
const expected = [0.2, 0.4, 0.55, 0.65, 0.75, 0.85] as const
const expectedTries = 4

/** Most places, the latest ones, that are compared with the end of the text. */
const mostPlaces = 64

/** More than any vocabulary has tokens. */
const idRange = 2 ** 20

/** A guess of one token. */
interface Guess {
  readonly token: number
  /** Guesses of one kind are right about as often: how many tokens agreed, and how much of what followed them it is. */
  readonly kind: number
  readonly expected: number
}

/**
 * Guesses tokens by what followed the last few ones when they stood earlier in prompt or text (prompt lookup). The longest
 * match decides, and in it what followed most often. A draft is as long as its tokens are likely enough to be right, as far
 * as the text's own drafts have told; a wrong guess only costs its share of one step.
 */
export class PromptLookup {
  /** Places behind each token, and behind each two tokens, in their order. */
  private readonly places = [new Map<number, number[]>(), new Map<number, number[]>()] as const
  private tokens: readonly number[] = []
  private indexed = 0
  /** By kind of guess: how often it was right, and how often it was tried. */
  private readonly tried = new Map<number, { right: number; tries: number }>()
  private last: readonly Guess[] = []

  /**
   * @param tokens prompt and text, which grow from call to call
   * @param most tokens that may be drafted
   * @param texts that share the step
   */
  draft(tokens: readonly number[], most: number, texts = 1): number[] {
    this.tokens = tokens
    this.index()
    const context = tokens.slice(-longestMatch)
    const guesses: Guess[] = []
    let probability = 1
    while (guesses.length < Math.min(longestDraft, most)) {
      const guess = this.guess(context)
      if (!guess) break
      probability *= this.successOf(guess)
      if (probability < costOfToken(texts)) break
      guesses.push(guess)
      context.push(guess.token)
    }
    this.last = guesses
    return guesses.map(({ token }) => token)
  }

  /** Told how many of the drafted tokens were right. */
  learn(drafted: number, accepted: number): void {
    // Nothing is known of what came after a wrong one.
    for (const [at, { kind }] of this.last.slice(0, Math.min(drafted, accepted + 1)).entries()) {
      const { right, tries } = this.tried.get(kind) ?? { right: 0, tries: 0 }
      this.tried.set(kind, { right: right + (at < accepted ? 1 : 0), tries: tries + 1 })
    }
    this.last = []
  }

  private guess(context: readonly number[]): Guess | undefined {
    const [one, two] = this.places
    const places = two.get(pairOf(context, context.length)) ?? one.get(context.at(-1) as number) ?? []
    let longest = 0
    /** What followed the longest matches, and how often each did. */
    const followers = new Map<number, number>()
    // The latest first.
    for (let at = places.length - 1; at >= Math.max(0, places.length - mostPlaces); at--) {
      const place = places[at] as number
      const token = this.tokens[place]
      const length = this.matchBefore(place, context)
      if (token === undefined || length < longest) continue
      if (length > longest) followers.clear()
      longest = length
      followers.set(token, (followers.get(token) ?? 0) + 1)
    }
    const all = [...followers.values()].reduce((sum, times) => sum + times, 0)
    // Of equals the latest.
    const [best] = [...followers].sort(([, left], [, right]) => right - left)
    if (!best) return undefined
    const [token, count] = best
    const isSure = followers.size === 1
    const kind = 8 * longest + (isSure ? Math.min(all, 3) : 4 + Math.round((3 * count) / all))
    const before = expected[Math.min(longest, expected.length) - 1] as number
    return { token, kind, expected: isSure ? before : 0.7 * before }
  }

  /** How many tokens before a place are those at the end of the context. */
  private matchBefore(place: number, context: readonly number[]): number {
    let length = 0
    while (length < Math.min(place, context.length) && this.tokens[place - 1 - length] === context.at(-1 - length))
      length++
    return length
  }

  private successOf({ kind, expected }: Guess): number {
    const { right, tries } = this.tried.get(kind) ?? { right: 0, tries: 0 }
    return (right + expected * expectedTries) / (tries + expectedTries)
  }

  /** Remembers where tokens stand. */
  private index(): void {
    const [one, two] = this.places
    const remember = (places: Map<number, number[]>, key: number, place: number) => {
      const known = places.get(key)
      if (known) known.push(place)
      else places.set(key, [place])
    }
    // What follows the last token is not known yet.
    for (; this.indexed + 1 < this.tokens.length; this.indexed++) {
      const place = this.indexed + 1
      remember(one, this.tokens[place - 1] as number, place)
      if (place > 1) remember(two, pairOf(this.tokens, place), place)
    }
  }
}

/** The two tokens before a place as one number. */
function pairOf(tokens: readonly number[], place: number): number {
  return (tokens[place - 2] as number) * idRange + (tokens[place - 1] as number)
}
