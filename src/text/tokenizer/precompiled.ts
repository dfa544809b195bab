import { badTokenizer } from './fields.ts'

/** SentencePiece's table of replacements: a double-array trie over UTF-8 bytes and a block of NUL-ended strings. */
export interface CharacterMap {
  /** Units of the trie (32 bits: child offset, leaf flag, label, value), little-endian. */
  trie: Uint32Array
  /** The replacements, UTF-8, each ended by NUL. */
  replacements: Uint8Array
}

/** Reads the base64 of `precompiled_charsmap`. */
export function readCharacterMap(base64: string, where: string): CharacterMap {
  return parseCharacterMap(Uint8Array.from(Buffer.from(base64, 'base64')), where)
}

export function parseCharacterMap(bytes: Uint8Array, where: string): CharacterMap {
  if (bytes.length < 4) throw badTokenizer(`${where} has a character map of ${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const trieBytes = view.getUint32(0, true)
  if (trieBytes % 4 !== 0 || trieBytes > bytes.length - 4) throw badTokenizer(`${where} has a character map cut short`)
  const trie = new Uint32Array(trieBytes / 4)
  for (let i = 0; i < trie.length; i++) trie[i] = view.getUint32(4 + i * 4, true)
  return { trie, replacements: bytes.subarray(4 + trieBytes) }
}

/** A match in the trie: bytes consumed and the offset of the replacement. */
interface TrieMatch {
  length: number
  replacement: number
}

/** Walks the trie over `bytes` from `start`; `first` stops at the shortest match. */
function match(
  map: CharacterMap,
  bytes: Uint8Array,
  start: number,
  end: number,
  first: boolean,
): TrieMatch | undefined {
  const { trie } = map
  let found: TrieMatch | undefined
  let node = 0
  let unit = trie[0] ?? 0
  node ^= childOffset(unit)
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    if (byte === 0) break
    node ^= byte
    unit = trie[node] ?? 0
    // Bit 31 and the lowest byte hold the label; a mismatch means that there is no such child.
    if ((unit & 0x800000ff) !== byte) break
    node ^= childOffset(unit)
    if ((unit >>> 8) & 1) {
      found = { length: i + 1 - start, replacement: (trie[node] ?? 0) & 0x7fffffff }
      if (first) break
    }
  }
  return found
}

function childOffset(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6)
}

const utf8 = new TextEncoder()
const fromUtf8 = new TextDecoder('utf-8', { ignoreBOM: true })

function replacementAt(map: CharacterMap, offset: number): string {
  const { replacements } = map
  const end = replacements.indexOf(0, offset)
  return fromUtf8.decode(replacements.subarray(offset, end < 0 ? replacements.length : end))
}

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })

/**
 * The map as the `tokenizers` library applies it: a short grapheme as one, else each of its characters, and the shortest
 * match decides for the whole.
 */
export function precompiledNormalizer(map: CharacterMap): (text: string) => string {
  const known = new Map<string, string | undefined>()
  const rewrite = (chunk: string): string | undefined => {
    if (known.has(chunk)) return known.get(chunk)
    const bytes = utf8.encode(chunk)
    const found = match(map, bytes, 0, bytes.length, true)
    const rewritten = found && replacementAt(map, found.replacement)
    if (known.size >= 4096) known.clear()
    known.set(chunk, rewritten)
    return rewritten
  }
  return (text) => {
    let out = ''
    for (const { segment } of graphemes.segment(text)) {
      const whole = utf8ShorterThan(segment, 6) ? rewrite(segment) : undefined
      if (whole !== undefined) out += whole
      else for (const character of segment) out += rewrite(character) ?? character
    }
    return out
  }
}

function utf8ShorterThan(text: string, limit: number): boolean {
  return text.length < limit && utf8.encode(text).length < limit
}

/** The map as SentencePiece itself applies it: the longest match at each place. */
export function longestMatchNormalizer(map: CharacterMap): (text: string) => string {
  return (text) => {
    const bytes = utf8.encode(text)
    let out = ''
    for (let i = 0; i < bytes.length; ) {
      const found = match(map, bytes, i, bytes.length, false)
      if (found) {
        out += replacementAt(map, found.replacement)
        i += found.length
      } else {
        const length = characterLength(bytes[i] as number)
        out += fromUtf8.decode(bytes.subarray(i, i + length))
        i += length
      }
    }
    return out
  }
}

/** Bytes of a UTF-8 character by its first byte. */
function characterLength(first: number): number {
  if (first < 0x80) return 1
  if (first < 0xe0) return 2
  return first < 0xf0 ? 3 : 4
}
