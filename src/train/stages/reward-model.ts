import { z } from 'zod'
import { scoredModel } from '../../models/index.ts'
import { loadTokenizer } from '../../text/index.ts'
import { reward } from '../objectives/reward.ts'
import { scoredExample } from '../reward-model.ts'
import { hashesOf } from './data-options.ts'
import { brokenPairs, checkPreferences, holdsPairs, preferenceRows, preferenceShape } from './preference-rows.ts'
import { rowBatches } from './row-batches.ts'
import { trainingStage } from './train-stage.ts'

/** Learns to score answers. */
export const rewardModel = trainingStage({
  name: 'rewardModel',
  summary:
    'Learns from pairs of answers to score them: what it writes is a model with a number in the place of a next token.',
  options: z.strictObject(preferenceShape).refine(holdsPairs, brokenPairs),
  make: ({ data, length, workers }, { base, parent, seed }) => ({
    objective: reward,
    modelOf: (model) => scoredModel(model),
    hashes: () => hashesOf(data, base),
    check: () => checkPreferences(data, base),
    async batches(rows) {
      const tokenizer = await loadTokenizer(parent)
      const options = { base, seed, length, workers, tokenizer, example: scoredExample }
      const { training, heldOut } = await preferenceRows(data, options)
      return rowBatches(training, heldOut, { rows, workers })
    },
  }),
})
