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
import { checkRecords, dataShape, recordsOf, unitSchema } from './data-options.ts'

/** Plain texts to learn from. */
export const textDataShape = {
  ...dataShape,
  field: z.string().default('text').describe('The field of a record that holds the text.'),
  unit: unitSchema,
} as const

const textData = z.strictObject(textDataShape)
export type TextData = z.output<typeof textData>

export interface TextRowOptions {
  readonly length: number
  /** Whether texts of one row are hidden from each other. */
  readonly isolated: boolean
  readonly tokenizer: Tokenizer
}

/** Reads every text once. @throws R1Error naming the first record that is wrong */
export function checkTexts(data: TextData, base: string): Promise<void> {
  return checkRecords(data, base, (record) => void textField(record, data.field), data.unit)
}

function cut(records: Stream<DataRecord>, { field }: TextData, options: TextRowOptions): Stream<TokenRow> {
  const { length, isolated, tokenizer } = options
  const examples = new TransformedStream(records, (record) => [textExample(tokenizer, textField(record, field))])
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
  return cut(new ShuffledStream(records, { seed, buffer: data.shuffle }), data, options)
}

/** Texts that are measured on, once and in their order. */
export async function heldOutRows(data: TextData, base: string, options: TextRowOptions): Promise<Stream<TokenRow>> {
  return cut(await recordsOf(data, base, 'held-out', data.unit), data, options)
}
