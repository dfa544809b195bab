import type { Json } from '../streams/stream.ts'

/** A record and where in its file it stands: a line, a row or a paragraph, from 1. */
export interface PlacedFields {
  readonly fields: Readonly<Record<string, unknown>>
  readonly place: number
}

/** One file, read from front to back. */
export interface FileReader {
  next(): Promise<PlacedFields | undefined>
  /** Where the next record begins; `open` goes on there. */
  position(): Json
  close(): Promise<void>
}

/** A kind of file that holds records. */
export interface Format {
  readonly name: string
  /** Ends of file names, with the dot. */
  readonly endings: readonly string[]
  /** @param from a position of an earlier reader of the same file; null for its beginning */
  open(path: string, from: Json): Promise<FileReader>
}
