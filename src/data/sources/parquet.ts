import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { R1Error } from '../../errors.ts'
import { dataFailure } from '../failure.ts'
import { StateReader } from '../streams/state.ts'
import type { FileReader, Format, PlacedFields } from './format.ts'

/** Parquet, one row group in memory at a time. Places are rows; 64-bit numbers become numbers where they fit. */
export const parquet: Format = {
  name: 'parquet',
  endings: ['.parquet'],
  async open(path, from) {
    const row = from === null ? 0 : new StateReader('a Parquet file', from).count('row')
    const file = await readable(path, () => asyncBufferFromFile(path))
    const metadata = await readable(path, () => parquetMetadataAsync(file))
    return new RowReader(path, file, metadata, row)
  },
}

class RowReader implements FileReader {
  private readonly path: string
  private readonly file: AsyncBuffer
  private readonly metadata: FileMetaData
  private row: number
  private group: readonly Record<string, unknown>[] = []
  /** Row of the file at which the group begins. */
  private start = 0

  constructor(path: string, file: AsyncBuffer, metadata: FileMetaData, row: number) {
    this.path = path
    this.file = file
    this.metadata = metadata
    this.row = row
  }

  async next(): Promise<PlacedFields | undefined> {
    if (this.row >= Number(this.metadata.num_rows)) return undefined
    if (this.row >= this.start + this.group.length || this.row < this.start) await this.readGroup()
    const fields = this.group[this.row - this.start]
    if (fields === undefined) throw damaged(this.path, 'a row group holds fewer rows than it says')
    this.row += 1
    return { fields: plainValues(fields), place: this.row }
  }

  position(): { row: number } {
    return { row: this.row }
  }

  async close(): Promise<void> {
    this.group = []
  }

  private async readGroup(): Promise<void> {
    let start = 0
    for (const group of this.metadata.row_groups) {
      const end = start + Number(group.num_rows)
      if (this.row < end) {
        const { file, metadata } = this
        const options = { file, metadata, compressors, rowStart: start, rowEnd: end }
        this.group = await readable(this.path, () => parquetReadObjects(options))
        this.start = start
        return
      }
      start = end
    }
    throw damaged(this.path, 'its row groups hold fewer rows than the file says')
  }
}

/** Runs a step of reading; what goes wrong there is the file's fault. */
async function readable<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    const failure = dataFailure(path, error)
    throw failure === error ? damaged(path, error instanceof Error ? error.message : String(error), error) : failure
  }
}

function damaged(path: string, found: string, cause?: unknown): R1Error {
  return new R1Error('bad-data', `${path}: this is no sound Parquet file: ${found.replace(/\.$/, '')}.`, {
    remedy: 'Fetch the file again, or write it anew with Parquet 1.0 or 2.0 types.',
    cause,
  })
}

/** Values as JSON has them, all the way down. */
function plainValues(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plainValue(value)]))
}

function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value.toString()
  }
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map(plainValue)
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  return plainValues(value as Record<string, unknown>)
}
