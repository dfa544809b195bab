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
import type { Split } from '../../environments/index.ts'
import { R1Error } from '../../errors.ts'
import { ChatTemplate, loadTokenizer, patientRenderLimits, RenderPool } from '../../text/index.ts'
import { nextToken } from '../objectives/next-token.ts'
import { checkRecords, dataShape, hashesOf, recordsOf } from './data-options.ts'
import { loopShape } from './options.ts'
import { rowBatches } from './row-batches.ts'
import { checkTraces, oneSource, traceRecords, tracesSchema } from './trace-data.ts'
import { trainingStage } from './train-stage.ts'

const dataSchema = z.strictObject({
  ...dataShape,
  messages: z.string().default('messages').describe('The field that holds a conversation, where a record has one.'),
  prompt: z.string().default('prompt').describe('The field that holds a prompt, where a record has no conversation.'),
  completion: z.string().default('completion').describe('The field that holds what is to be written after it.'),
})

const options = z
  .strictObject({
    data: dataSchema.optional().describe('Conversations, or prompts with their completions.'),
    environments: tracesSchema.optional(),
    ...loopShape,
  })
  .refine(oneSource.test, { message: oneSource.message })

type Fields = Pick<z.output<typeof dataSchema>, 'messages' | 'prompt' | 'completion'>
type MakeExamples = (record: DataRecord) => Promise<readonly Example[]>

/** @throws R1Error `bad-record` for a record that is neither a conversation nor a prompt with its completion */
function checkFields(record: DataRecord, { messages, prompt, completion }: Fields): void {
  if (record.fields[messages] !== undefined) messagesField(record, messages)
  else for (const name of [prompt, completion]) textField(record, name)
}

/** How a record becomes examples: a conversation through the model's chat template, or a prompt with its completion. */
async function exampleMaker(data: Fields, parent: string, pool: RenderPool): Promise<MakeExamples> {
  const tokenizer = await loadTokenizer(parent)
  const source = await readChatTemplate(parent)
  const template = source === undefined ? undefined : new ChatTemplate(source, { pool, limits: patientRenderLimits })
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

/** The fields of traces. */
const traceFields: Fields = {
  messages: 'messages',
  prompt: 'prompt',
  completion: 'completion',
}

/** Learns completions only, packed without seeing each other. */
export const sft = trainingStage({
  name: 'sft',
  summary: 'Learns to answer: only completions count, packed into rows without seeing each other.',
  options,
  make: (settings, { base, parent, seed }) => {
    const { data, environments, length, workers } = settings
    const pool = new RenderPool()
    const traces = async (split: Split) => traceRecords(environments ?? [], base, split, seed)
    return {
      objective: nextToken,
      hashes: async () => (data ? hashesOf(data, base) : {}),
      async check() {
        if (data) await checkRecords(data, base, (record) => checkFields(record, data))
        if (environments) await checkTraces(environments, base, seed)
      },
      async batches(rows) {
        const make = await exampleMaker(data ?? traceFields, parent, pool)
        const { special } = await loadTokenizer(parent)
        const rowsOf = (records: Stream<DataRecord>): Stream<TokenRow> =>
          new PackedRows(new TransformedStream(records, make, { workers }), { length, pad: special.pad ?? 0 })
        if (!data) return rowBatches(rowsOf(await traces('train')), rowsOf(await traces('held-out')), { rows, workers })
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
