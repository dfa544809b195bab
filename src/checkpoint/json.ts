import { openFileSource, readBytes } from './bytes/source.ts'
import { badCheckpoint, unsupportedCheckpoint } from './failure.ts'

/** Deepest nesting accepted; real headers and configurations stay below ten. */
const depthLimit = 64
/** Largest JSON file read whole, in bytes; the largest real index known is about 9 MB. */
const sizeLimit = 64 * 2 ** 20

/** Names that would reach an object's prototype if a careless reader assigned them. */
const forbiddenKeys = new Set(['__proto__'])

/** Index just past the string that opens at `start`, or -1 where it never ends. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1)
  while (quote !== -1) {
    let backslashes = 0
    while (text.charCodeAt(quote - 1 - backslashes) === 92) backslashes += 1
    if (backslashes % 2 === 0) return quote + 1
    quote = text.indexOf('"', quote + 1)
  }
  return -1
}

/** True where the string that ended before `index` is followed by a colon. */
function isKey(text: string, index: number): boolean {
  let next = index
  while (next < text.length && text.charCodeAt(next) <= 32) next += 1
  return text.charCodeAt(next) === 58
}

/** Walks the text once: refuses deep nesting and keys that JSON.parse would silently overwrite or that are traps. */
function checkStructure(text: string, file: string): void {
  const keys: (Set<string> | undefined)[] = []
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charCodeAt(index)
    if (character === 123 || character === 91) {
      keys.push(character === 123 ? new Set() : undefined)
      if (keys.length > depthLimit) throw badCheckpoint(file, `its JSON is nested deeper than ${depthLimit} levels`)
    } else if (character === 125 || character === 93) {
      keys.pop()
    } else if (character === 34) {
      const end = endOfString(text, index)
      if (end === -1) return
      const seen = keys.at(-1)
      if (seen && isKey(text, end)) checkKey(text.slice(index, end), seen, file)
      index = end - 1
    }
  }
}

function checkKey(literal: string, seen: Set<string>, file: string): void {
  let key: unknown
  try {
    key = literal.includes('\\') ? JSON.parse(literal) : literal.slice(1, -1)
  } catch {
    return // JSON.parse of the whole text reports it
  }
  const name = String(key)
  if (forbiddenKeys.has(name)) throw badCheckpoint(file, `its JSON has the forbidden key ${JSON.stringify(name)}`)
  if (seen.has(name)) throw badCheckpoint(file, `its JSON has the key ${JSON.stringify(name.slice(0, 80))} twice`)
  seen.add(name)
}

/**
 * Parses JSON that came from outside: bounded depth, no duplicate keys, no `__proto__`.
 *
 * @param file what error messages call the text
 * @throws R1Error 'bad-checkpoint'
 */
export function parseJson(text: string, file: string): unknown {
  checkStructure(text, file)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw badCheckpoint(file, 'it is not valid JSON', error)
  }
}

/** True for a plain JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** {@link parseJson} for a text that must be an object. */
export function parseJsonObject(text: string, file: string): Record<string, unknown> {
  const value = parseJson(text, file)
  if (!isRecord(value)) throw badCheckpoint(file, 'its JSON is not an object')
  return value
}

/** Decodes UTF-8 strictly. @throws R1Error 'bad-checkpoint' */
export function decodeText(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw badCheckpoint(file, 'its text is not UTF-8', error)
  }
}

/** Reads a JSON object from a file. @throws R1Error 'bad-checkpoint', 'file-not-found' */
export async function readJsonObject(path: string): Promise<Record<string, unknown>> {
  const source = await openFileSource(path)
  try {
    if (source.size > sizeLimit) {
      throw unsupportedCheckpoint(path, `its JSON takes ${source.size} bytes`, `At most ${sizeLimit} bytes are read.`)
    }
    return parseJsonObject(decodeText(await readBytes(source, 0, source.size), path), path)
  } finally {
    await source.close()
  }
}
