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
import { loadTokenizer, type Tokenizer } from '../../text/index.ts'
import { nextToken } from '../objectives/next-token.ts'
import { checkRecords, dataShape, hashesOf, recordsOf, unitSchema } from './data-options.ts'
import { loopShape } from './options.ts'
import type { Stage, StageContext } from './stage.ts'
import { planRows, type RowStage, runRows } from './train-stage.ts'

const options = z.strictObject({
  data: z.strictObject({
    ...dataShape,
    field: z.string().default('text').describe('The field of a record that holds the text.'),
    unit: unitSchema,
  }),
  isolated: z.boolean().default(false).describe('Hides texts of one row from each other.'),
  ...loopShape,
})

type Options = z.output<typeof options>

/** Texts end to end, cut into rows. */
function rowsOf(
  records: Stream<DataRecord>,
  tokenizer: Tokenizer,
  { data, length, isolated }: Options,
): Stream<TokenRow> {
  const examples = new TransformedStream(records, (record) => [textExample(tokenizer, textField(record, data.field))])
  return new ContiguousRows(examples, { length, isolated, pad: tokenizer.special.pad ?? 0 })
}

function stageOf(settings: Options, { base, parent, seed }: StageContext): RowStage {
  const { data } = settings
  return {
    name: 'pretrain',
    objective: nextToken,
    hashes: () => hashesOf(data, base),
    check: () => checkRecords(data, base, (record) => void textField(record, data.field), data.unit),
    async rows() {
      const tokenizer = await loadTokenizer(parent)
      const training = new RepeatedStream(await recordsOf(data, base, 'train', data.unit))
      return {
        training: rowsOf(new ShuffledStream(training, { seed, buffer: data.shuffle }), tokenizer, settings),
        heldOut: rowsOf(await recordsOf(data, base, 'held-out', data.unit), tokenizer, settings),
      }
    },
  }
}

/** Learns every token of plain texts. */
export const pretrain: Stage<typeof options> = {
  name: 'pretrain',
  summary: 'Learns every token of plain texts, laid end to end.',
  options,
  plan: (settings, context) => planRows(stageOf(settings, context), settings, context),
  run: (settings, context) => runRows(stageOf(settings, context), settings, context),
}
