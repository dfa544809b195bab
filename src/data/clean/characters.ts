/** Kinds of characters that cleaning tells apart. Every kind up to `otherLetter` is a letter. */
export const kinds = {
  latin: 0,
  han: 1,
  kana: 2,
  hangul: 3,
  cyrillic: 4,
  otherLetter: 5,
  digit: 6,
  space: 7,
  punctuation: 8,
  symbol: 9,
  /** The second half of a character beyond the first plane: counted with its first. */
  secondHalf: 10,
} as const

export const kindCount = 11

const patterns: readonly (readonly [kind: number, pattern: RegExp])[] = [
  [kinds.latin, /\p{Script=Latin}/u],
  [kinds.han, /\p{Script=Han}/u],
  [kinds.kana, /[\p{Script=Hiragana}\p{Script=Katakana}ー]/u],
  [kinds.hangul, /\p{Script=Hangul}/u],
  [kinds.cyrillic, /\p{Script=Cyrillic}/u],
  [kinds.digit, /\p{N}/u],
  [kinds.otherLetter, /[\p{L}\p{M}]/u],
  [kinds.space, /[\s\p{Z}]/u],
  // What sentences need; brackets of programs, bars, stars and the like are symbols.
  [kinds.punctuation, /[.,;:!?'"()\-–—…、。，；：！？‘’“”「」『』《》（）·]/u],
]

export interface CharacterTables {
  /** Kind of each UTF-16 unit [65536]. */
  readonly kind: Uint8Array
  /** Lower case of each UTF-16 unit [65536]. */
  readonly lower: Uint16Array
}

let made: CharacterTables | undefined

/** Kind and lower case of all UTF-16 units; made at the first call. */
export function characterTables(): CharacterTables {
  made ??= makeTables()
  return made
}

function makeTables(): CharacterTables {
  const kind = new Uint8Array(65536)
  const lower = new Uint16Array(65536)
  for (let unit = 0; unit < 65536; unit++) {
    const character = String.fromCharCode(unit)
    const small = character.toLowerCase()
    kind[unit] = kindOf(unit, character)
    lower[unit] = small.length === 1 ? small.charCodeAt(0) : unit
  }
  return { kind, lower }
}

function kindOf(unit: number, character: string): number {
  if (unit >= 0xdc00 && unit <= 0xdfff) return kinds.secondHalf
  // First halves: D840 to D888 begin rare Chinese characters, D83C to D83E pictures, the others old scripts.
  if (unit >= 0xd840 && unit <= 0xd888) return kinds.han
  if (unit >= 0xd83c && unit <= 0xd83e) return kinds.symbol
  if (unit >= 0xd800 && unit <= 0xdbff) return kinds.otherLetter
  return patterns.find(([, pattern]) => pattern.test(character))?.[0] ?? kinds.symbol
}
