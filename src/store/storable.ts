import { R1Error } from '../errors.ts'
import type { Json, JsonObject } from './types.ts'

/** Characters of a text at most. */
export const longestText = 2 ** 24

/** Characters at most of names that indexes hold. */
export const longestName = 200

const badValue = (message: string, remedy: string) => new R1Error('bad-value', message, { remedy })

/**
 * A text as PostgreSQL can keep it: U+0000 and halves of surrogate pairs, which it cannot, become U+FFFD, as everywhere
 * where text is made well-formed.
 *
 * @throws R1Error `bad-value` for one that is too long
 */
export function storableText(text: string): string {
  if (text.length > longestText) {
    throw badValue(`A text has ${text.length} characters.`, `${longestText} can be kept.`)
  }
  return text.replace(/\0|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '\uFFFD')
}

/** {@link storableText} for a text that may be missing. */
export const storableOptional = (text: string | null | undefined): string | null =>
  text === null || text === undefined ? null : storableText(text)

/** @throws R1Error `bad-value` for a name that is empty or too long for an index */
export function storableName(name: string, what: string): string {
  if (name === '' || name.length > longestName) {
    throw badValue(`${what} has ${name.length} characters.`, `It must have 1 to ${longestName}.`)
  }
  return storableText(name)
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export const isUuid = (text: string): boolean => uuidPattern.test(text)

/** @throws R1Error `bad-value` for what is no UUID */
export function storableId(id: string): string {
  if (!isUuid(id)) throw badValue('An id is no UUID.', 'Make one with crypto.randomUUID().')
  return id.toLowerCase()
}

/** The levels of nested values that are kept; PostgreSQL itself breaks off at some thousands. */
const deepest = 64

/**
 * A value as PostgreSQL can keep it as JSON.
 *
 * @throws R1Error `bad-value` for one that is nested too deep or too large
 */
export function storableJson(value: Json | undefined): Json {
  const cleaned = cleanedJson(value ?? null, 0)
  if (JSON.stringify(cleaned).length > longestText) {
    throw badValue('A value is too large to be kept.', `${longestText} characters of JSON can be kept.`)
  }
  return cleaned
}

function cleanedJson(value: Json, depth: number): Json {
  if (depth > deepest) throw badValue('A value is nested too deep.', `${deepest} levels can be kept.`)
  if (typeof value === 'string') return storableText(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'object' || value === null) return value
  if (isArray(value)) return value.map((item) => cleanedJson(item, depth + 1))
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return Object.fromEntries(entries.map(([key, item]) => [storableText(key), cleanedJson(item, depth + 1)]))
}

const isArray = (value: Json): value is readonly Json[] => Array.isArray(value)

/** {@link storableJson} for an object that may be missing. */
export const storableObject = (value: JsonObject | null | undefined): JsonObject | null =>
  value === null || value === undefined ? null : (storableJson(value) as JsonObject)

/**
 * A text as a search reads it: upper and lower case and forms of one character alike. It is done here, not by the database,
 * whose ILIKE knows what its locale knows: on one server ASCII only, on another all alphabets.
 */
export const folded = (text: string): string =>
  storableText(text.normalize('NFKC').toUpperCase().toLowerCase().replaceAll('ς', 'σ').slice(0, longestText))

/** A pattern for LIKE of texts that hold a text. */
export const holding = (text: string): string => `%${folded(text).replace(/[\\%_]/g, '\\$&')}%`
