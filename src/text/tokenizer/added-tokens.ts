import { badTokenizer, type Fields, tokenId } from './fields.ts'
import { escapePattern, whiteSpace } from './pattern.ts'

/** A token that is looked for in the text before anything else is done to it. */
export interface AddedToken {
  id: number
  content: string
  /** A control token: text of a user never becomes it. */
  special: boolean
  /** Looked for in the normalised text. */
  normalized: boolean
  /** Found only where no letter or digit touches it. */
  singleWord: boolean
  /** Takes the white space to its left (right) with it. */
  stripLeft: boolean
  stripRight: boolean
}

/** Looking for tokens costs their length; none in use comes near this. */
const longestToken = 1024

export function readAddedToken(fields: Fields): AddedToken {
  const content = fields.string('content')
  if (content === '' || content.length > longestToken) {
    throw badTokenizer(`${fields.where}.content must have 1 to ${longestToken} characters`)
  }
  const special = fields.boolean('special', false)
  return {
    id: tokenId(fields.value('id'), `${fields.where}.id`),
    content,
    special,
    normalized: fields.boolean('normalized', !special),
    singleWord: fields.boolean('single_word', false),
    stripLeft: fields.boolean('lstrip', false),
    stripRight: fields.boolean('rstrip', false),
  }
}

/** A stretch of text between added tokens, or an added token. */
export type Section = { start: number; end: number; token?: AddedToken }

const wordCharacter = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u
const leadingWhiteSpace = new RegExp(`${whiteSpace}*`, 'uy')
const oneWhiteSpace = new RegExp(whiteSpace, 'u')

/** Finds added tokens: leftmost first, the longest where several begin at one place. */
export class AddedTokenFinder {
  private readonly pattern: RegExp | undefined
  private readonly byText = new Map<string, AddedToken>()

  /** @param tokens with the text by which each is found */
  constructor(tokens: readonly (readonly [text: string, token: AddedToken])[]) {
    for (const [text, token] of tokens) if (text !== '') this.byText.set(text, token)
    const texts = [...this.byText.keys()].sort((a, b) => b.length - a.length)
    if (texts.length > 0) this.pattern = new RegExp(texts.map(escapePattern).join('|'), 'g')
  }

  /**
   * @param permits whether a token found at [start, end) counts; where not, its text stays text
   * @returns sections in order that cover the text
   */
  sections(text: string, permits: (token: AddedToken, start: number, end: number) => boolean): Section[] {
    const { pattern } = this
    const sections: Section[] = []
    let covered = 0
    if (pattern) {
      pattern.lastIndex = 0
      for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
        const token = this.byText.get(match[0]) as AddedToken
        let start = match.index
        let end = start + match[0].length
        if (start < covered || !permits(token, start, end) || (token.singleWord && touchesWord(text, start, end)))
          continue
        if (token.stripLeft) while (start > covered && oneWhiteSpace.test(text[start - 1] as string)) start--
        if (token.stripRight) end += whiteSpaceAt(text, end)
        if (start > covered) sections.push({ start: covered, end: start })
        sections.push({ start, end, token })
        covered = end
      }
    }
    if (covered < text.length) sections.push({ start: covered, end: text.length })
    return sections
  }
}

function touchesWord(text: string, start: number, end: number): boolean {
  const before = text.slice(Math.max(0, start - 2), start)
  const last = Array.from(before).at(-1) ?? ''
  const next = String.fromCodePoint(text.codePointAt(end) ?? 0x20)
  return wordCharacter.test(last) || wordCharacter.test(next)
}

function whiteSpaceAt(text: string, index: number): number {
  leadingWhiteSpace.lastIndex = index
  return leadingWhiteSpace.exec(text)?.[0].length ?? 0
}
