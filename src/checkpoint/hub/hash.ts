import { createHash, type Hash } from 'node:crypto'
import type { HubFile } from './listing.ts'

/**
 * The hash by which the hub knows a file: SHA-256 of its content, or, told by its 40 digits, git's SHA-1 of a blob.
 */
export function contentHash({ hash, size }: HubFile): Hash {
  return hash.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`)
}
