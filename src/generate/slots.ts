/** One row of the cache and the tokens whose keys and values it holds. */
export class Slot {
  readonly index: number
  /** Tokens in the cache, from its first place on. */
  readonly tokens: number[] = []
  /**
   * How many of them, from the front, were computed as parts of a prompt. Only these are shared: decoding may take another
   * path through a product, and a text must not depend on what a slot was used for before.
   */
  exact = 0
  salt = ''
  taken = false
  /** When it was last let go, on a clock that counts uses. */
  used = 0

  constructor(index: number) {
    this.index = index
  }

  clear(): void {
    this.tokens.length = 0
    this.exact = 0
  }
}

/** Where the beginning of a prompt is found. */
export interface SharedPrefix {
  readonly slot: Slot
  readonly length: number
}

/** The slots of an engine. */
export class SlotTable {
  readonly slots: readonly Slot[]
  private clock = 0

  constructor(count: number) {
    this.slots = Array.from({ length: count }, (_, index) => new Slot(index))
  }

  get free(): number {
    return this.slots.filter((slot) => !slot.taken).length
  }

  /** The slot that holds the longest beginning of these tokens, taken or not. */
  longestPrefix(tokens: ArrayLike<number>, salt: string): SharedPrefix | undefined {
    let best: SharedPrefix | undefined
    for (const slot of this.slots) {
      if (slot.salt !== salt) continue
      const length = commonLength(slot, tokens)
      if (length > (best?.length ?? 0)) best = { slot, length }
    }
    return best
  }

  /**
   * Takes a free slot: the one that holds most of the prompt's beginning if little else is lost with it, otherwise the one
   * that was not used for longest.
   */
  take(tokens: ArrayLike<number>, salt: string): Slot | undefined {
    const free = this.slots.filter((slot) => !slot.taken)
    const worth = (slot: Slot) => (slot.salt === salt ? commonLength(slot, tokens) : 0)
    const fitting = free.filter((slot) => worth(slot) > 0 && 2 * worth(slot) >= slot.tokens.length)
    const chosen =
      fitting.sort((left, right) => worth(right) - worth(left))[0] ??
      free.sort((left, right) => left.used - right.used || left.index - right.index)[0]
    if (!chosen) return undefined
    chosen.taken = true
    const kept = worth(chosen)
    chosen.tokens.length = kept
    chosen.exact = kept
    chosen.salt = salt
    return chosen
  }

  release(slot: Slot): void {
    slot.taken = false
    slot.used = ++this.clock
  }
}

function commonLength({ tokens, exact }: Slot, wanted: ArrayLike<number>): number {
  // The last token of a prompt is always computed: what follows it is read there.
  const most = Math.min(exact, wanted.length - 1)
  let length = 0
  while (length < most && tokens[length] === wanted[length]) length++
  return length
}
