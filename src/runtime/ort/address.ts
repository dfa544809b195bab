import { koffi } from './ffi.ts'
import type { Address } from './functions.ts'

/** Where `bytes` begin in memory. Only for memory that does not move: an ArrayBuffer's own, never a small typed array's. */
export function addressOf(bytes: Uint8Array): Address {
  return koffi.address(bytes)
}
