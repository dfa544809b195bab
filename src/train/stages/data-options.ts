import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { type DataRecord, findFiles, RecordStream, type Stream, TransformedStream } from '../../data/index.ts'
import { hash32, streamKey } from '../../tensor/index.ts'

/** Where the data of a stage lie. */
export const dataShape = {
  files: z
    .union([z.string(), z.array(z.string()).min(1)])
    .describe('A file, a folder, a pattern such as docs/*.jsonl, or several: JSONL, text and Parquet, also .gz.'),
  format: z.enum(['jsonl', 'text', 'parquet']).optional().describe('How every file is read; by its name without it.'),
  heldOut: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.01)
    .describe('Share of the records that are measured on and never trained on.'),
  shuffle: z.int().positive().default(1000).describe('Records held at once: each next one is drawn from these.'),
} as const

export interface DataOptions {
  readonly files: string | readonly string[]
  readonly format?: 'jsonl' | 'text' | 'parquet' | undefined
  readonly heldOut: number
  readonly shuffle: number
}

/** What is one document of a text file. */
export const unitSchema = z
  .enum(['file', 'paragraph', 'line'])
  .default('file')
  .describe('What is one document of a text file.')

/** Which side of the split a record is on: decided by its id, whatever the order and the seed. */
function isHeldOut({ id }: DataRecord, base: string, share: number): boolean {
  const name = id.startsWith(base) ? id.slice(base.length) : id
  return hash32(streamKey(0, name)) / 2 ** 32 < share
}

/** The records of a data set, of one side of the split. @throws R1Error `file-not-found`, `no-data`, `unknown-format` */
export async function recordsOf(
  { files, format, heldOut }: DataOptions,
  base: string,
  side: 'train' | 'held-out',
  unit?: z.output<typeof unitSchema>,
): Promise<Stream<DataRecord>> {
  const found = await findFiles(files, { folder: base, ...(format && { format }), ...(unit && { unit }) })
  const wanted = side === 'held-out'
  return new TransformedStream(new RecordStream(found), (record) =>
    isHeldOut(record, base, heldOut) === wanted ? [record] : [],
  )
}

/** Reads all records of a data set, those held out too. @throws R1Error naming the first that is wrong */
export async function checkRecords(
  { files, format }: DataOptions,
  base: string,
  check: (record: DataRecord) => void,
  unit?: z.output<typeof unitSchema>,
): Promise<void> {
  const found = await findFiles(files, { folder: base, ...(format && { format }), ...(unit && { unit }) })
  for await (const record of new RecordStream(found)) check(record)
}

/** SHA-256 of each file, by its path from the recipe. */
export async function hashesOf({ files, format }: DataOptions, base: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {}
  for (const { path } of await findFiles(files, { folder: base, ...(format && { format }) })) {
    const hash = createHash('sha256')
    await pipeline(createReadStream(path), hash)
    hashes[relative(base, path)] = hash.digest('hex')
  }
  return hashes
}
