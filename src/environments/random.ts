/** Gives the next uniform number in [0, 1). */
export type Uniform = () => number

/** Uniform numbers in [0, 1), the same for the same seed (S. Vigna's SplitMix, in 32 bits). */
export function uniforms(seed: number): Uniform {
  let state = seed | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let word = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97)
    return ((word ^ (word >>> 15)) >>> 0) / 2 ** 32
  }
}

/** A whole number from `least` to `most`, both included. */
export function whole(random: Uniform, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1))
}

/** One of the items. */
export function pick<T>(random: Uniform, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T
}

/** The items in another order. */
export function shuffled<T>(random: Uniform, items: readonly T[]): T[] {
  const order = [...items]
  for (let index = order.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1))
    ;[order[index], order[other]] = [order[other] as T, order[index] as T]
  }
  return order
}
