import { addressOf } from './address.ts'
import type { Address } from './functions.ts'

/** C arrays of names (`const char **`) and of addresses (`void **`) in memory that does not move, made once for many calls. */

/** Memory that native code may point to for as long as this object lives. */
export interface PointerTable {
  readonly address: Address | null
  readonly entries: BigUint64Array<ArrayBuffer>
}

const encoder = new TextEncoder()

/** A `void **` of `count` entries. */
export function pointerTable(count: number): PointerTable {
  const buffer = new ArrayBuffer(Math.max(count, 1) * BigUint64Array.BYTES_PER_ELEMENT)
  return { address: addressOf(new Uint8Array(buffer)), entries: new BigUint64Array(buffer, 0, count) }
}

/** A `const char **` of `names`; `texts` must be kept as long as it is used. */
export function nameTable(names: readonly string[]): PointerTable & { readonly texts: Uint8Array } {
  const texts = new Uint8Array(new ArrayBuffer(names.reduce((total, name) => total + 3 * name.length + 1, 1)))
  const table = pointerTable(names.length)
  const start = addressOf(texts)
  let offset = 0
  for (const [index, name] of names.entries()) {
    table.entries[index] = start + BigInt(offset)
    offset += encoder.encodeInto(name, texts.subarray(offset)).written + 1
  }
  return { ...table, texts }
}
