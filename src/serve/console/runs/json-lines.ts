import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'

export type JsonRow = Readonly<Record<string, unknown>>

/** Bytes that are read at once. */
const mostBytes = 2 ** 20

export interface RowsPage {
  readonly rows: readonly JsonRow[]
  /** Where the next row begins, in bytes. */
  readonly next: number
}

/** What a line holds; a line that is no object is passed over. */
function rowOf(line: string): readonly JsonRow[] {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? [value as JsonRow] : []
  } catch {
    return []
  }
}

/**
 * The rows of a file from a place on, a megabyte at most; a last line that is still being written waits. A file that is
 * shorter than it was, since a run was resumed, is read from its beginning.
 *
 * @param after place in bytes that an earlier page ended at
 */
export async function readRows(path: string, after: number): Promise<RowsPage> {
  const file = await open(path, 'r').catch(() => undefined)
  if (!file) return { rows: [], next: 0 }
  try {
    const { size } = await file.stat()
    const begin = after > size ? 0 : after
    const bytes = Buffer.alloc(Math.min(size - begin, mostBytes))
    const { bytesRead } = await file.read(bytes, 0, bytes.length, begin)
    const end = bytes.lastIndexOf(0x0a, bytesRead - 1) + 1
    // A line that alone is longer than a page is no row of ours: it is passed over.
    if (end === 0) return { rows: [], next: bytesRead === mostBytes ? begin + bytesRead : begin }
    const rows = bytes.toString('utf8', 0, end).split('\n').flatMap(rowOf)
    return { rows, next: begin + end }
  } finally {
    await file.close()
  }
}

/** The last whole row of a file. */
export async function lastRow(path: string): Promise<JsonRow | undefined> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0
  const begin = Math.max(0, size - 2 ** 16)
  return (await readRows(path, begin)).rows.at(-1)
}

/** The last rows of a file that fit, in their order. */
export async function lastRows(path: string, fits: (row: JsonRow) => boolean, limit: number): Promise<JsonRow[]> {
  if ((await stat(path).catch(() => undefined)) === undefined) return []
  const rows: JsonRow[] = []
  for await (const line of createInterface({ input: createReadStream(path, 'utf8') })) {
    rows.push(...rowOf(line).filter(fits))
    if (rows.length > 2 * limit) rows.splice(0, rows.length - limit)
  }
  return rows.slice(-limit)
}
