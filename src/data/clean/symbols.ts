import { kinds } from './characters.ts'
import { lettersOf } from './profile.ts'
import type { Filter } from './stage.ts'

export interface SymbolLimits {
  /** Share of symbols (neither letter, digit, space nor punctuation of sentences) among all but spaces. Default 0.2. */
  readonly mostSymbols?: number
  /** Share of letters among all but spaces. Default 0.5. */
  readonly leastLetters?: number
}

/** Drops texts that are symbols and digits more than words: tables, dumps, broken encodings. */
export function symbols({ mostSymbols = 0.2, leastLetters = 0.5 }: SymbolLimits = {}): Filter {
  return {
    name: 'symbols',
    judge(_, profile) {
      const visible = profile.characters - (profile.counts[kinds.space] as number)
      if ((profile.counts[kinds.symbol] as number) > mostSymbols * visible)
        return `more than ${percent(mostSymbols)} symbols`
      return lettersOf(profile) < leastLetters * visible ? `fewer than ${percent(leastLetters)} letters` : undefined
    },
  }
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`
}
