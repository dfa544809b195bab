import { R1Error } from '../../errors.ts'

/** The plain data that a template sees. */
export type TemplateValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly TemplateValue[]
  | { readonly [key: string]: TemplateValue }

const privateUse = { first: 0xe000, last: 0xf8ff }

/**
 * Marks, with one character that occurs in none of the texts, the places where text of a user could become, or become part
 * of, a special token. The mark cannot be forged: it is chosen after the texts are known, and taken out after rendering.
 */
export interface Fence<T> {
  /** The values with marks in their texts; the same object where there is nothing to mark. */
  values: T
  /** The character; undefined where nothing was marked. */
  mark: string | undefined
}

/**
 * @param values what the template will see
 * @param others texts that must not hold the mark either (the template itself)
 * @param cutsOf offsets at which a text has to be marked
 * @throws R1Error `bad-argument` where every character for marks is taken
 */
export function fenceValues<T extends TemplateValue>(
  values: T,
  others: readonly string[],
  cutsOf: (text: string) => readonly number[],
): Fence<T> {
  let found = false
  eachText(values, (text) => {
    found ||= cutsOf(text).length > 0
  })
  if (!found) return { values, mark: undefined }
  const mark = unusedCharacter(values, others)
  return { values: mapTexts(values, (text) => insert(text, cutsOf(text), mark)) as T, mark }
}

/** @returns the text without marks, and the offsets in it where they stood */
export function unfence(text: string, mark: string | undefined): { text: string; barriers: number[] } {
  if (mark === undefined) return { text, barriers: [] }
  const parts = text.split(mark)
  const barriers: number[] = []
  let offset = 0
  for (const part of parts.slice(0, -1)) {
    offset += part.length
    barriers.push(offset)
  }
  return { text: parts.join(''), barriers }
}

function insert(text: string, cuts: readonly number[], mark: string): string {
  let marked = ''
  let from = 0
  for (const cut of cuts) {
    marked += text.slice(from, cut) + mark
    from = cut
  }
  return marked + text.slice(from)
}

function unusedCharacter(values: TemplateValue, others: readonly string[]): string {
  const used = new Set<string>()
  const collect = (text: string) => {
    for (const character of text.match(/[\ue000-\uf8ff]/g) ?? []) used.add(character)
  }
  for (const other of others) collect(other)
  eachText(values, collect)
  for (let code = privateUse.first; code <= privateUse.last; code++) {
    const character = String.fromCharCode(code)
    if (!used.has(character)) return character
  }
  throw new R1Error('bad-argument', 'The messages use every character of the private use area.', {
    remedy: 'Take some of these characters out.',
  })
}

function eachText(value: TemplateValue, visit: (text: string) => void): void {
  mapTexts(value, (text) => {
    visit(text)
    return text
  })
}

const deepest = 64

/** Rewrites all texts of nested data, keys as well: a template may print them. */
function mapTexts(value: TemplateValue, rewrite: (text: string) => string, depth = 0): TemplateValue {
  if (typeof value === 'string') return rewrite(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth > deepest) {
    throw new R1Error('bad-argument', `The messages are nested more than ${deepest} deep.`, { remedy: 'Flatten them.' })
  }
  const inner = (item: TemplateValue) => mapTexts(item, rewrite, depth + 1)
  if (Array.isArray(value)) return value.map(inner)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [rewrite(key), inner(item)]))
}
