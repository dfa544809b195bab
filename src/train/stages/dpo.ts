import { z } from 'zod'
import { openCheckpoint } from '../../checkpoint/index.ts'
import { loadModel } from '../../models/index.ts'
import { Scope } from '../../nn/index.ts'
import { jit } from '../../runtime/jit.ts'
import { loadTokenizer } from '../../text/index.ts'
import type { Batch } from '../batch.ts'
import { forwardPass, type TracedBatch } from '../objective.ts'
import { dpo as dpoObjective } from '../objectives/dpo.ts'
import { rowLogProbabilities } from '../objectives/sequence.ts'
import { presentArrays } from '../step.ts'
import { hashesOf } from './data-options.ts'
import { loopShape } from './options.ts'
import { checkPreferences, preferenceRows, preferenceShape } from './preference-rows.ts'
import { rowBatches } from './row-batches.ts'
import type { Stage, StageContext } from './stage.ts'
import { planTraining, runTraining, type TrainStage } from './train-stage.ts'

const options = z
  .strictObject({
    data: z.strictObject(preferenceShape),
    beta: z.number().positive().default(0.1).describe('How much it costs to move away from the model it began with.'),
    ...loopShape,
    rate: z.number().positive().default(5e-5).describe('Learning rate after warm-up.'),
  })
  .refine(({ batch, accumulation }) => batch % (2 * accumulation) === 0, {
    path: ['batch'],
    message: 'must hold whole pairs in each part: a multiple of twice the accumulation',
  })

/** The model that training begins with: what the pairs' log-probabilities are compared with. */
async function referenceOf(parent: string, precision: 'f32' | 'bf16') {
  await using checkpoint = await openCheckpoint(parent)
  const { model, variables } = await loadModel(checkpoint)
  const compiled = jit(
    ({ batch }: { batch: TracedBatch }) => rowLogProbabilities(forwardPass(model, new Scope(), batch)),
    { variables, precision },
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

function stageOf(settings: z.output<typeof options>, { base, parent, seed }: StageContext): TrainStage {
  const { data, length, beta, precision } = settings
  return {
    name: 'dpo',
    objective: dpoObjective({ beta }),
    hashes: () => hashesOf(data, base),
    check: () => checkPreferences(data, base),
    async batches(rows) {
      const tokenizer = await loadTokenizer(parent)
      const { training, heldOut } = await preferenceRows(data, { base, seed, length, tokenizer })
      const reference = await referenceOf(parent, precision)
      const batches = rowBatches(training, heldOut, rows, reference.extend)
      return {
        ...batches,
        async close() {
          await batches.close()
          reference.close()
        },
      }
    },
  }
}

/** Learns to prefer what was chosen over what was rejected. */
export const dpo: Stage<typeof options> = {
  name: 'dpo',
  summary: 'Learns from pairs of answers to prefer the better one (direct preference optimisation).',
  options,
  plan: (settings, context) => planTraining(stageOf(settings, context), settings, context),
  run: (settings, context) => runTraining(stageOf(settings, context), settings, context),
}
