import { z } from 'zod'
import { openCheckpoint } from '../../checkpoint/index.ts'
import { completionExample } from '../../data/index.ts'
import { loadModel } from '../../models/index.ts'
import { Scope } from '../../nn/index.ts'
import { jit } from '../../runtime/jit.ts'
import { loadTokenizer } from '../../text/index.ts'
import type { Batch } from '../batch.ts'
import { forwardPass, type TracedBatch } from '../objective.ts'
import { dpo as dpoObjective } from '../objectives/dpo.ts'
import { chosenNextToken } from '../objectives/pairs.ts'
import { rowLogProbabilities } from '../objectives/sequence.ts'
import { presentArrays, type StepOptions } from '../step.ts'
import { hashesOf } from './data-options.ts'
import { scopeOf } from './loop.ts'
import { brokenPairs, checkPreferences, holdsPairs, preferenceRows, preferenceShape } from './preference-rows.ts'
import { rowBatches } from './row-batches.ts'
import { trainingStage } from './train-stage.ts'

const options = z
  .strictObject({
    beta: z.number().positive().default(0.1).describe('How much it costs to move away from the model it began with.'),
    ...preferenceShape,
  })
  .refine(holdsPairs, brokenPairs)

/** The model that training begins with, new adapters included: what the pairs' log-probabilities are compared with. */
async function referenceOf(
  parent: string,
  { scope, ...options }: Pick<StepOptions, 'precision' | 'threads' | 'scope'>,
) {
  await using checkpoint = await openCheckpoint(parent)
  const { model, variables } = await loadModel(checkpoint, { ...(scope && { scope }) })
  const compiled = jit(
    ({ batch }: { batch: TracedBatch }) => rowLogProbabilities(forwardPass(model, new Scope(scope), batch)),
    { variables, ...options },
  )
  return {
    extend: async (batch: Batch): Promise<Batch> => ({
      ...batch,
      reference: await compiled.run({ batch: presentArrays(batch) }),
    }),
    close() {
      compiled.dispose()
      variables.dispose()
    },
  }
}

/** Learns to prefer what was chosen over what was rejected. */
export const dpo = trainingStage({
  name: 'dpo',
  summary: 'Learns from pairs of answers to prefer the better one (direct preference optimisation).',
  options,
  make: (settings, { base, parent, seed, threads }) => {
    const { data, length, beta, precision, workers } = settings
    return {
      objective: dpoObjective({ beta }),
      parts: { nextToken: chosenNextToken },
      hashes: () => hashesOf(data, base),
      check: () => checkPreferences(data, base),
      async batches(rows) {
        const tokenizer = await loadTokenizer(parent)
        const options = { base, seed, length, workers, tokenizer, example: completionExample }
        const { training, heldOut } = await preferenceRows(data, options)
        const reference = await referenceOf(parent, { precision, threads, scope: scopeOf(settings) })
        const batches = rowBatches(training, heldOut, { rows, workers, extend: reference.extend })
        return {
          ...batches,
          async close() {
            await batches.close()
            reference.close()
          },
        }
      },
    }
  },
})
