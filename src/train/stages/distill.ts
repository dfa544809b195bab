import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { z } from 'zod'
import { locateCheckpoint, openCheckpoint } from '../../checkpoint/index.ts'
import { R1Error } from '../../errors.ts'
import { type LoadedModel, loadModel, modelOf } from '../../models/index.ts'
import { loadTokenizer } from '../../text/index.ts'
import { distill as distillObjective, teacherScope } from '../objectives/distill.ts'
import { hashesOf } from './data-options.ts'
import { loopShape } from './options.ts'
import { rowBatches } from './row-batches.ts'
import type { Stage, StageContext } from './stage.ts'
import { checkTexts, heldOutRows, textDataShape, trainingRows } from './text-rows.ts'
import { planTraining, runTraining, type TrainStage } from './train-stage.ts'

const options = z.strictObject({
  teacher: z.string().min(1).describe('The checkpoint to learn from; it must have the same tokenizer.'),
  data: z.strictObject(textDataShape),
  divergence: z
    .union([z.enum(['forward', 'reverse']), z.number().gt(0).lt(1)])
    .default('forward')
    .describe('KL of the teacher to the student, the reverse, or β of the generalised Jensen-Shannon divergence.'),
  temperature: z.number().positive().default(1).describe('Divides the logits of both.'),
  targets: z.number().min(0).max(1).default(0).describe('Share of the plain cross-entropy in the loss.'),
  isolated: z.boolean().default(false).describe('Hides texts of one row from each other.'),
  ...loopShape,
})

type Options = z.output<typeof options>

async function openTeacher({ teacher }: Options, base: string) {
  const local = resolve(base, teacher)
  const exists = await stat(local).then(
    () => true,
    () => false,
  )
  return openCheckpoint(await locateCheckpoint(exists ? local : teacher))
}

/** Puts the teacher's parameters beside the student's. @throws R1Error `checkpoint-mismatch` for another vocabulary */
async function seatTeacher(settings: Options, base: string, { model, variables }: LoadedModel): Promise<void> {
  await using checkpoint = await openTeacher(settings, base)
  const teacher = await loadModel(checkpoint)
  if (teacher.model.vocabulary !== model.vocabulary) {
    throw new R1Error(
      'checkpoint-mismatch',
      `The teacher has ${teacher.model.vocabulary} tokens, the student ${model.vocabulary}.`,
      { remedy: 'Make the student with the tokenizer of its teacher.' },
    )
  }
  for (const name of teacher.variables.names) {
    const array = teacher.variables.get(name)
    if (array) variables.set(`${teacherScope}.${name}`, array)
  }
}

async function stageOf(settings: Options, { base, parent, seed }: StageContext): Promise<TrainStage> {
  const { data, length, isolated, divergence, temperature, targets } = settings
  await using checkpoint = await openTeacher(settings, base)
  const teacher = modelOf(checkpoint.config)
  return {
    name: 'distill',
    objective: distillObjective({ teacher, divergence, temperature, targets }),
    hashes: () => hashesOf(data, base),
    check: () => checkTexts(data, base),
    async batches(rows) {
      const cutting = { length, isolated, tokenizer: await loadTokenizer(parent) }
      return rowBatches(await trainingRows(data, base, seed, cutting), await heldOutRows(data, base, cutting), rows)
    },
    async prepare(loaded) {
      await seatTeacher(settings, base, loaded)
      return {}
    },
  }
}

/** Learns the whole distribution of a larger model. */
export const distill: Stage<typeof options> = {
  name: 'distill',
  summary: "Learns a teacher's whole distribution over the next token, on given texts.",
  options,
  plan: async (settings, context) => planTraining(await stageOf(settings, context), settings, context),
  run: async (settings, context) => runTraining(await stageOf(settings, context), settings, context),
}
