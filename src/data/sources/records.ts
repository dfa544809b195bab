import { R1Error } from '../../errors.ts'
import type { DataRecord, Document } from '../document.ts'
import { StateReader } from '../streams/state.ts'
import { type Json, Stream } from '../streams/stream.ts'
import { type DataFile, type FindOptions, findFiles, noData } from './files.ts'
import type { FileReader } from './format.ts'

/** The records of a list of files, one file after another. */
export class RecordStream extends Stream<DataRecord> {
  private readonly files: readonly DataFile[]
  private file = 0
  private reader: FileReader | undefined
  /** Where in the file the reader that is not open yet starts. */
  private from: Json = null
  private any = false

  constructor(files: readonly DataFile[]) {
    super()
    this.files = files
  }

  /** @throws R1Error `bad-record`, `bad-encoding`, `bad-data`, `no-data` (no record in all files), `file-failure` */
  async next(): Promise<DataRecord | undefined> {
    for (; this.file < this.files.length; this.file++) {
      const { path, format } = this.files[this.file] as DataFile
      this.reader ??= await format.open(path, this.from)
      const record = await this.reader.next()
      if (record) {
        this.any = true
        return { id: `${path}:${record.place}`, source: path, fields: record.fields }
      }
      await this.close()
      this.from = null
    }
    if (!this.any) throw noData(`${this.files.map(({ path }) => path).join(', ')} holds no record`)
    return undefined
  }

  state(): Json {
    const { path, bytes } = this.files[this.file] ?? { path: '', bytes: 0 }
    return { file: this.file, path, bytes, position: this.reader?.position() ?? this.from, any: this.any }
  }

  async restore(state: Json): Promise<void> {
    const saved = new StateReader('a stream of records', state)
    const file = saved.count('file')
    const { path, bytes } = this.files[file] ?? { path: '', bytes: 0 }
    if (saved.text('path') !== path || saved.count('bytes') !== bytes) {
      throw new R1Error('data-changed', `The data has changed since the state was saved: ${saved.text('path')}.`, {
        remedy: 'Put the files back as they were, or start afresh.',
      })
    }
    await this.close()
    this.file = file
    this.from = saved.any('position')
    this.any = saved.any('any') === true
  }

  override async close(): Promise<void> {
    this.from = this.reader?.position() ?? this.from
    await this.reader?.close()
    this.reader = undefined
  }
}

/**
 * Opens a data set: JSONL, plain text and Parquet files, also `.gz`, read piece by piece.
 *
 * @param places a file, a folder, a pattern, or several
 * @throws R1Error `file-not-found`, `no-data`, `unknown-format`
 *
 * @example
 * for await (const { id, fields } of await openRecords('corpus/*.jsonl.gz')) …
 */
export async function openRecords(places: string | readonly string[], options?: FindOptions): Promise<RecordStream> {
  return new RecordStream(await findFiles(places, options))
}

/** Records as documents: the field that holds the text is looked up and checked. */
export class DocumentStream extends Stream<Document> {
  private readonly records: Stream<DataRecord>
  private readonly field: string

  /** @param field the name of the field that holds the text */
  constructor(records: Stream<DataRecord>, field = 'text') {
    super()
    this.records = records
    this.field = field
  }

  /** @throws R1Error `bad-record`, and as the records */
  async next(): Promise<Document | undefined> {
    const record = await this.records.next()
    if (record === undefined) return undefined
    return { ...record, text: textField(record, this.field) }
  }

  state(): Json {
    return this.records.state()
  }

  restore(state: Json): Promise<void> {
    return this.records.restore(state)
  }

  override close(): Promise<void> {
    return this.records.close()
  }
}

/** {@link openRecords} as documents. @throws R1Error as {@link openRecords} */
export async function openDocuments(
  places: string | readonly string[],
  { field, ...options }: FindOptions & { field?: string } = {},
): Promise<DocumentStream> {
  return new DocumentStream(await openRecords(places, options), field)
}

/** A field of a record that must be a text. @throws R1Error `bad-record` that names the record and what it holds */
export function textField({ id, fields }: DataRecord, name: string): string {
  const value = fields[name]
  if (typeof value === 'string') return value
  const found =
    value === undefined
      ? `has no field "${name}", but ${
          Object.keys(fields)
            .map((key) => `"${key}"`)
            .join(', ') || 'none at all'
        }`
      : `has a field "${name}" that is no text`
  throw new R1Error('bad-record', `${id} ${found}.`, {
    remedy: 'Name the field that holds the text, or mend the record.',
  })
}
