/**
 * GPT-2's alphabet of 256 printable characters, one for each byte: bytes that print stand for themselves, the others are
 * numbered from U+0100 on.
 */
export const byteToCharacter: readonly string[] = buildAlphabet()

const characterToByte: ReadonlyMap<string, number> = new Map(
  byteToCharacter.map((character, byte) => [character, byte]),
)

function buildAlphabet(): string[] {
  const prints = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(prints(byte) ? byte : next++))
}

const utf8 = new TextEncoder()

/** @returns the text's UTF-8 bytes spelt in the alphabet */
export function spellBytes(text: string): string {
  let spelt = ''
  for (const byte of utf8.encode(text)) spelt += byteToCharacter[byte]
  return spelt
}

/** @returns the bytes that a token spells; a token with a character outside the alphabet gives its own UTF-8 bytes */
export function readBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length)
  for (let i = 0; i < token.length; i++) {
    const byte = characterToByte.get(token[i] as string)
    if (byte === undefined) return utf8.encode(token)
    bytes[i] = byte
  }
  return bytes
}

/** @returns the token that spells one byte in vocabularies with byte fallback: `<0x0A>` */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
}

/** @returns the byte that a token `<0x0A>` spells, or −1 */
export function byteOfToken(token: string): number {
  return token.length === 6 && /^<0x[0-9A-Fa-f]{2}>$/.test(token) ? Number.parseInt(token.slice(3, 5), 16) : -1
}
