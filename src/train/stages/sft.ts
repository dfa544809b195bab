import { z } from 'zod'
import { readChatTemplate } from '../../checkpoint/index.ts'
import {
  chatExamples,
  completionExample,
  type DataRecord,
  type Example,
  messagesField,
  PackedRows,
  RepeatedStream,
  ShuffledStream,
  type Stream,
  type TokenRow,
  TransformedStream,
  textField,
} from '../../data/index.ts'
import { R1Error } from '../../errors.ts'
import { ChatTemplate, loadTokenizer, RenderPool } from '../../text/index.ts'
import { nextToken } from '../objectives/next-token.ts'
import { checkRecords, dataShape, hashesOf, recordsOf } from './data-options.ts'
import { loopShape } from './options.ts'
import { rowBatches } from './row-batches.ts'
import { trainingStage } from './train-stage.ts'

const options = z.strictObject({
  data: z.strictObject({
    ...dataShape,
    messages: z.string().default('messages').describe('The field that holds a conversation, where a record has one.'),
    prompt: z.string().default('prompt').describe('The field that holds a prompt, where a record has no conversation.'),
    completion: z.string().default('completion').describe('The field that holds what is to be written after it.'),
  }),
  ...loopShape,
})

type Options = z.output<typeof options>
type MakeExamples = (record: DataRecord) => Promise<readonly Example[]>

/** @throws R1Error `bad-record` for a record that is neither a conversation nor a prompt with its completion */
function checkFields(record: DataRecord, { messages, prompt, completion }: Options['data']): void {
  if (record.fields[messages] !== undefined) messagesField(record, messages)
  else for (const name of [prompt, completion]) textField(record, name)
}

/** How a record becomes examples: a conversation through the model's chat template, or a prompt with its completion. */
async function exampleMaker({ data }: Options, parent: string, pool: RenderPool): Promise<MakeExamples> {
  const tokenizer = await loadTokenizer(parent)
  const source = await readChatTemplate(parent)
  const template = source === undefined ? undefined : new ChatTemplate(source, { pool })
  return async (record) => {
    if (record.fields[data.messages] === undefined) {
      return [completionExample(tokenizer, textField(record, data.prompt), textField(record, data.completion))]
    }
    if (template) return chatExamples(tokenizer, template, { messages: messagesField(record, data.messages) })
    throw new R1Error('no-template', `${record.id} holds a conversation, but the model has no chat template.`, {
      remedy: `Give records with '${data.prompt}' and '${data.completion}', or a model with chat_template.jinja.`,
    })
  }
}

/** Learns completions only, packed without seeing each other. */
export const sft = trainingStage({
  name: 'sft',
  summary: 'Learns to answer: only completions count, packed into rows without seeing each other.',
  options,
  make: (settings, { base, parent, seed }) => {
    const { data, length, workers } = settings
    const pool = new RenderPool()
    return {
      objective: nextToken,
      hashes: () => hashesOf(data, base),
      check: () => checkRecords(data, base, (record) => checkFields(record, data)),
      async batches(rows) {
        const make = await exampleMaker(settings, parent, pool)
        const { special } = await loadTokenizer(parent)
        const rowsOf = (records: Stream<DataRecord>): Stream<TokenRow> =>
          new PackedRows(new TransformedStream(records, make, { workers }), { length, pad: special.pad ?? 0 })
        const training = new RepeatedStream(await recordsOf(data, base, 'train'))
        return rowBatches(
          rowsOf(new ShuffledStream(training, { seed, buffer: data.shuffle })),
          rowsOf(await recordsOf(data, base, 'held-out')),
          { rows, workers },
        )
      },
      close: () => pool[Symbol.dispose](),
    }
  },
})
