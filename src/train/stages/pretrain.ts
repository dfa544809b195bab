import { z } from 'zod'
import { loadTokenizer } from '../../text/index.ts'
import { nextToken } from '../objectives/next-token.ts'
import { hashesOf } from './data-options.ts'
import { loopShape } from './options.ts'
import { rowBatches } from './row-batches.ts'
import { textDataSchema } from './text-data.ts'
import { checkTexts, heldOutRows, isolatedShape, trainingRows } from './text-rows.ts'
import { trainingStage } from './train-stage.ts'

const options = z.strictObject({ data: textDataSchema, ...isolatedShape, ...loopShape })

/** Learns every token of plain texts. */
export const pretrain = trainingStage({
  name: 'pretrain',
  summary: 'Learns every token of plain texts, laid end to end.',
  options,
  make: ({ data, length, isolated, workers }, { base, parent, seed }) => ({
    objective: nextToken,
    hashes: () => hashesOf(data, base),
    check: () => checkTexts(data, base),
    async batches(rows) {
      const cutting = { length, isolated, workers, tokenizer: await loadTokenizer(parent) }
      const training = await trainingRows(data, base, seed, cutting)
      return rowBatches(training, await heldOutRows(data, base, cutting), { rows, workers })
    },
  }),
})
