/** What one line, row or file of a data set holds. */
export interface DataRecord {
  /** The source and the place in it: `notes.jsonl:812`; unique within a data set. */
  readonly id: string
  /** Path of the file it comes from. */
  readonly source: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A record whose text is what matters. */
export interface Document extends DataRecord {
  readonly text: string
}
