import type { Filter } from './stage.ts'

export interface LengthLimits {
  /** Words; a Chinese character is one. Default 20. */
  readonly leastWords?: number
  /** Default none. */
  readonly mostWords?: number
}

/** Drops texts that are too short or too long. */
export function length({ leastWords = 20, mostWords = Number.POSITIVE_INFINITY }: LengthLimits = {}): Filter {
  return {
    name: 'length',
    judge(_, { words }) {
      if (words.length < leastWords) return `fewer than ${leastWords} words`
      return words.length > mostWords ? `more than ${mostWords} words` : undefined
    },
  }
}
