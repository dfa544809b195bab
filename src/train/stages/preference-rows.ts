import { z } from 'zod'
import {
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
import { loopShape } from './options.ts'

const preferences = z.strictObject({
  ...dataShape,
  prompt: z.string().default('prompt').describe('The field that holds the prompt.'),
  chosen: z.string().default('chosen').describe('The field that holds the better answer.'),
  rejected: z.string().default('rejected').describe('The field that holds the worse answer.'),
})

export type Preferences = z.output<typeof preferences>

/** What stages that learn from preferences have in common. */
export const preferenceShape = {
  data: preferences,
  ...loopShape,
  rate: z.number().positive().default(5e-5).describe('Learning rate after warm-up.'),
} as const

/** Whether each part of a batch holds whole pairs. */
export const holdsPairs = ({ batch, accumulation }: { readonly batch: number; readonly accumulation: number }) =>
  batch % (2 * accumulation) === 0

export const brokenPairs = {
  path: ['batch'],
  message: 'must hold whole pairs in each part: a multiple of twice the accumulation',
}

/** How a prompt and an answer become tokens, and which of them count. */
export type MakeExample = (tokenizer: Tokenizer, prompt: string, answer: string) => Example

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

export interface PreferenceRowOptions {
  readonly base: string
  readonly seed: number
  /** Tokens of a row. */
  readonly length: number
  readonly tokenizer: Tokenizer
  /** Pairs that are made into tokens at once; 1 without it. */
  readonly workers?: number
  readonly example: MakeExample
}

function pairs(records: Stream<DataRecord>, data: Preferences, options: PreferenceRowOptions): Stream<TokenRow> {
  const { tokenizer, length, workers = 1, example } = options
  const make = (record: DataRecord) =>
    [data.chosen, data.rejected].map((answer) =>
      fitted(example(tokenizer, textField(record, data.prompt), textField(record, answer)), length),
    )
  // One example a row, so that rows come in pairs: chosen, rejected.
  const examples = new TransformedStream(records, make, { workers })
  return new PackedRows(examples, { length, pad: tokenizer.special.pad ?? 0, pool: 1 })
}

/** Rows in pairs, to train on without end and to measure on once. */
export async function preferenceRows(
  data: Preferences,
  options: PreferenceRowOptions,
): Promise<{ readonly training: Stream<TokenRow>; readonly heldOut: Stream<TokenRow> }> {
  const { base, seed } = options
  const records = new RepeatedStream(await recordsOf(data, base, 'train'))
  return {
    training: pairs(new ShuffledStream(records, { seed, buffer: data.shuffle }), data, options),
    heldOut: pairs(await recordsOf(data, base, 'held-out'), data, options),
  }
}
