/** Data: sources, cleaning, augmentation, mixing, packing into rows of tokens. */
export type { DataRecord, Document } from './document.ts'
export { type DataFile, type FindOptions, findFiles } from './sources/files.ts'
export { DocumentStream, openDocuments, openRecords, RecordStream, textField } from './sources/records.ts'
export type { TextUnit } from './sources/text.ts'
export { type Json, Stream } from './stream.ts'
