import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { DataRecord } from '../document.ts'
import { dataFailure } from '../failure.ts'

/** Characters that are written at once. */
const pieceLength = 1 << 18

/**
 * Writes records as JSONL, packed where the name ends in `.gz`: each with its fields, a document's text as it is now. The
 * file appears under its name only when it is whole.
 *
 * @returns how many records were written
 * @throws R1Error `disk-full`, `file-failure`, and what reading the records throws
 */
export async function writeRecords(
  path: string,
  records: AsyncIterable<DataRecord & { text?: string }>,
): Promise<number> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`)
  let count = 0
  async function* pieces(): AsyncGenerator<string, void, void> {
    let piece = ''
    for await (const { fields, text } of records) {
      count += 1
      piece += `${JSON.stringify(text === undefined ? fields : { ...fields, text })}\n`
      if (piece.length < pieceLength) continue
      yield piece
      piece = ''
    }
    yield piece
  }
  try {
    const file = createWriteStream(temporary, { flush: true })
    await (path.endsWith('.gz') ? pipeline(pieces, createGzip(), file) : pipeline(pieces, file))
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw dataFailure(path, error)
  }
  return count
}
