import { z } from 'zod'
import type { Split } from '../../environments/index.ts'
import { loadTokenizer } from '../../text/index.ts'
import { nextToken } from '../objectives/next-token.ts'
import { hashesOf } from './data-options.ts'
import { loopShape } from './options.ts'
import { rowBatches } from './row-batches.ts'
import { textDataSchema } from './text-data.ts'
import { checkTexts, cutTexts, heldOutRows, isolatedShape, trainingRows } from './text-rows.ts'
import { checkTraces, oneSource, traceRecords, tracesSchema } from './trace-data.ts'
import { trainingStage } from './train-stage.ts'

const options = z
  .strictObject({
    data: textDataSchema.optional().describe('Plain texts.'),
    environments: tracesSchema.optional(),
    ...isolatedShape,
    ...loopShape,
  })
  .refine(oneSource.test, { message: oneSource.message })

/** Learns every token of plain texts. */
export const pretrain = trainingStage({
  name: 'pretrain',
  summary: 'Learns every token of plain texts, laid end to end.',
  options,
  make: ({ data, environments, length, isolated, workers }, { base, parent, seed }) => ({
    objective: nextToken,
    hashes: async () => (data ? hashesOf(data, base) : {}),
    async check() {
      if (data) await checkTexts(data, base)
      if (environments) await checkTraces(environments, base, seed)
    },
    async batches(rows) {
      const cutting = { length, isolated, workers, tokenizer: await loadTokenizer(parent) }
      if (!data) {
        const traces = async (split: Split) =>
          cutTexts(await traceRecords(environments ?? [], base, split, seed), 'text', cutting)
        return rowBatches(await traces('train'), await traces('held-out'), { rows, workers })
      }
      const training = await trainingRows(data, base, seed, cutting)
      return rowBatches(training, await heldOutRows(data, base, cutting), { rows, workers })
    },
  }),
})
