import { z } from 'zod'
import { loadTokenizer } from '../../text/index.ts'
import { nextToken } from '../objectives/next-token.ts'
import { hashesOf } from './data-options.ts'
import { loopShape } from './options.ts'
import { rowBatches } from './row-batches.ts'
import type { Stage, StageContext } from './stage.ts'
import { checkTexts, heldOutRows, textDataShape, trainingRows } from './text-rows.ts'
import { planTraining, runTraining, type TrainStage } from './train-stage.ts'

const options = z.strictObject({
  data: z.strictObject(textDataShape),
  isolated: z.boolean().default(false).describe('Hides texts of one row from each other.'),
  ...loopShape,
})

function stageOf(settings: z.output<typeof options>, { base, parent, seed }: StageContext): TrainStage {
  const { data, length, isolated } = settings
  return {
    name: 'pretrain',
    objective: nextToken,
    hashes: () => hashesOf(data, base),
    check: () => checkTexts(data, base),
    async batches(rows) {
      const cutting = { length, isolated, tokenizer: await loadTokenizer(parent) }
      return rowBatches(await trainingRows(data, base, seed, cutting), await heldOutRows(data, base, cutting), rows)
    },
  }
}

/** Learns every token of plain texts. */
export const pretrain: Stage<typeof options> = {
  name: 'pretrain',
  summary: 'Learns every token of plain texts, laid end to end.',
  options,
  plan: (settings, context) => planTraining(stageOf(settings, context), settings, context),
  run: (settings, context) => runTraining(stageOf(settings, context), settings, context),
}
