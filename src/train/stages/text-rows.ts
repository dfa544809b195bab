import { z } from 'zod'
import {
  ContiguousRows,
  type DataRecord,
  RepeatedStream,
  ShuffledStream,
  type Stream,
  type TokenRow,
  TransformedStream,
  textExample,
  textField,
} from '../../data/index.ts'
import type { Tokenizer } from '../../text/index.ts'
import { checkRecords, recordsOf } from './data-options.ts'
import type { TextData } from './text-data.ts'

export const isolatedShape = {
  isolated: z.boolean().default(false).describe('Hides texts of one row from each other.'),
} as const

export interface TextRowOptions {
  readonly length: number
  /** Whether texts of one row are hidden from each other. */
  readonly isolated: boolean
  readonly tokenizer: Tokenizer
  /** Texts that are made into tokens at once; 1 without it. */
  readonly workers?: number
}

/** Reads every text once. @throws R1Error naming the first record that is wrong */
export function checkTexts(data: TextData, base: string): Promise<void> {
  return checkRecords(data, base, (record) => void textField(record, data.field), data.unit)
}

/** Texts of records, end to end and cut into rows. @param field of a record that holds the text */
export function cutTexts(records: Stream<DataRecord>, field: string, options: TextRowOptions): Stream<TokenRow> {
  const { length, isolated, tokenizer, workers = 1 } = options
  const make = (record: DataRecord) => [textExample(tokenizer, textField(record, field))]
  const examples = new TransformedStream(records, make, { workers })
  return new ContiguousRows(examples, { length, isolated, pad: tokenizer.special.pad ?? 0 })
}

/** Texts to train on, again and again in an order that the seed decides, end to end and cut into rows. */
export async function trainingRows(
  data: TextData,
  base: string,
  seed: number,
  options: TextRowOptions,
): Promise<Stream<TokenRow>> {
  const records = new RepeatedStream(await recordsOf(data, base, 'train', data.unit))
  return cutTexts(new ShuffledStream(records, { seed, buffer: data.shuffle }), data.field, options)
}

/** Texts that are measured on, once and in their order. */
export async function heldOutRows(data: TextData, base: string, options: TextRowOptions): Promise<Stream<TokenRow>> {
  return cutTexts(await recordsOf(data, base, 'held-out', data.unit), data.field, options)
}
