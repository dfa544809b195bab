import { z } from 'zod'
import {
  completionExample,
  type DataRecord,
  type Example,
  PackedRows,
  RepeatedStream,
  ShuffledStream,
  type Stream,
  type TokenRow,
  TransformedStream,
  textField,
} from '../../data/index.ts'
import type { Tokenizer } from '../../text/index.ts'
import { checkRecords, dataShape, recordsOf } from './data-options.ts'

/** Preferences to learn from. */
export const preferenceShape = {
  ...dataShape,
  prompt: z.string().default('prompt').describe('The field that holds the prompt.'),
  chosen: z.string().default('chosen').describe('The field that holds the better answer.'),
  rejected: z.string().default('rejected').describe('The field that holds the worse answer.'),
} as const

const preferences = z.strictObject(preferenceShape)
export type Preferences = z.output<typeof preferences>

/** Reads every pair once. @throws R1Error naming the first record that is wrong */
export function checkPreferences(data: Preferences, base: string): Promise<void> {
  return checkRecords(data, base, (record) => {
    for (const name of [data.prompt, data.chosen, data.rejected]) textField(record, name)
  })
}

/** Keeps the end of an example that is longer than a row: the answer, and as much of the prompt as there is room for. */
function fitted({ ids, weights }: Example, length: number): Example {
  const from = Math.max(0, ids.length - length - 1)
  return { ids: ids.subarray(from), weights: weights.subarray(from) }
}

function pairs(records: Stream<DataRecord>, data: Preferences, tokenizer: Tokenizer, length: number): Stream<TokenRow> {
  const examples = new TransformedStream(records, (record) =>
    [data.chosen, data.rejected].map((answer) =>
      fitted(completionExample(tokenizer, textField(record, data.prompt), textField(record, answer)), length),
    ),
  )
  // One example a row, so that rows come in pairs: chosen, rejected.
  return new PackedRows(examples, { length, pad: tokenizer.special.pad ?? 0, pool: 1 })
}

/** Rows in pairs, to train on without end and to measure on once. */
export async function preferenceRows(
  data: Preferences,
  { base, seed, length, tokenizer }: { base: string; seed: number; length: number; tokenizer: Tokenizer },
): Promise<{ readonly training: Stream<TokenRow>; readonly heldOut: Stream<TokenRow> }> {
  const records = new RepeatedStream(await recordsOf(data, base, 'train'))
  return {
    training: pairs(new ShuffledStream(records, { seed, buffer: data.shuffle }), data, tokenizer, length),
    heldOut: pairs(await recordsOf(data, base, 'held-out'), data, tokenizer, length),
  }
}
