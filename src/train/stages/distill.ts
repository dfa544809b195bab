import { join } from 'node:path'
import { z } from 'zod'
import {
  ListStream,
  PackedRows,
  RepeatedStream,
  ShuffledStream,
  type Stream,
  TransformedStream,
} from '../../data/index.ts'
import type { Environment } from '../../environments/index.ts'
import { R1Error } from '../../errors.ts'
import { type LoadedModel, modelOf } from '../../models/index.ts'
import { loadTokenizer, RenderPool } from '../../text/index.ts'
import { distill as distillObjective } from '../objectives/distill.ts'
import { nextToken } from '../objectives/next-token.ts'
import { OwnSamples, writtenExample } from '../sampling/own-samples.ts'
import { ProblemReader } from '../sampling/problems.ts'
import { Sampler } from '../sampling/sampler.ts'
import { drawVerified, type VerifiedSample } from '../sampling/verified.ts'
import { hashesOf } from './data-options.ts'
import { environmentSchema, openEnvironment } from './environment-option.ts'
import { drawingOperations, parametersOf } from './estimate.ts'
import { loopShape } from './options.ts'
import { rowBatches } from './row-batches.ts'
import type { Stage, StageContext } from './stage.ts'
import { newStudent, studentSchema } from './student.ts'
import { loadTeacher, openTeacher, seatTeacher } from './teacher.ts'
import { type TextData, textDataSchema } from './text-data.ts'
import { checkTexts, heldOutRows, isolatedShape, trainingRows } from './text-rows.ts'
import { type StageBatches, type TrainStage, trainingStage } from './train-stage.ts'

const count = z.int().positive()

const drawnShape = {
  environment: environmentSchema,
  temperature: z.number().min(0).max(10).default(1).describe('Temperature of the samples.'),
  maxNewTokens: count
    .max(1 << 20)
    .default(256)
    .describe('Most tokens of a sample.'),
  slots: count
    .max(1024)
    .default(16)
    .describe("Samples drawn side by side, in the stage's `precision`: with bf16 keys and values are kept in f16."),
} as const

const samplesSchema = z.strictObject({
  ...drawnShape,
  problems: count.default(1000).describe('How many problems the teacher is asked.'),
  each: count.max(256).default(4).describe('Samples drawn for each problem.'),
  keep: count.max(256).default(1).describe('Samples kept of each problem at the most.'),
  threshold: z.number().default(1).describe('Least reward of a sample that is kept.'),
  shuffle: count.default(1000).describe('Samples held at once: each next one is drawn from these.'),
})

const onPolicySchema = z.strictObject(drawnShape)

const options = z
  .strictObject({
    teacher: z
      .string()
      .min(1)
      .optional()
      .describe('The checkpoint to learn from; it must have the same tokenizer. Only a new student can do without it.'),
    student: studentSchema.optional(),
    data: textDataSchema.optional().describe('Given texts, on which the student follows the teacher.'),
    samples: samplesSchema
      .optional()
      .describe('Instead of texts: what the teacher writes, where an environment finds it right (`samples.jsonl`).'),
    onPolicy: onPolicySchema
      .optional()
      .describe('Instead of texts: what the student writes itself at each step, judged by the teacher token by token.'),
    divergence: z
      .union([z.enum(['forward', 'reverse']), z.number().gt(0).lt(1)])
      .optional()
      .describe(
        'KL of the teacher to the student, the reverse, or β of the generalised Jensen-Shannon divergence. Without it `forward` on texts, `reverse` on own samples, and plain cross-entropy on samples of the teacher.',
      ),
    temperature: z.number().positive().default(1).describe('Divides the logits of both.'),
    targets: z.number().min(0).max(1).default(0).describe('Share of the plain cross-entropy in the loss.'),
    ...isolatedShape,
    ...loopShape,
  })
  .refine(({ data, samples, onPolicy }) => [data, samples, onPolicy].filter(Boolean).length === 1, {
    message: 'must have one of data, samples and onPolicy',
  })
  .refine(({ teacher, student }) => teacher !== undefined || student !== undefined, {
    message: 'must have a teacher, or a student that the stage before teaches',
  })
  .refine(({ onPolicy, adapter }) => !(onPolicy && adapter), {
    path: ['adapter'],
    message: 'cannot be trained on own samples: the engine reads whole weights',
  })

type Options = z.output<typeof options>

/** The teacher's checkpoint: `seated` names it where the recipe does not. */
const teacherOf = ({ teacher }: Options): string => teacher as string

/** The problems of a stage that draws samples, and how they become tokens. */
interface Drawn {
  readonly environment: Environment
  readonly reader: ProblemReader
  readonly slots: number
}

/** Rows from texts that were found good. */
function rowsOf(samples: Stream<VerifiedSample>, length: number, pad: number) {
  const examples = new TransformedStream(samples, ({ prompt, completion }) => [writtenExample(prompt, completion)])
  return new PackedRows(examples, { length, pad })
}

/** Samples of the teacher, drawn before the first step or read from an earlier run. */
async function teacherSamples(
  settings: Options,
  context: StageContext,
  { environment, reader, slots }: Drawn,
  student: LoadedModel,
): Promise<readonly [train: readonly VerifiedSample[], heldOut: readonly VerifiedSample[]]> {
  const { samples, length, precision } = settings
  const { base, folder, seed, signal, threads } = context
  const teacher = await loadTeacher(teacherOf(settings), base, student.model)
  try {
    await using sampler = await Sampler.create(teacher, reader.stopIds, {
      slots,
      context: length + 1,
      precision,
      threads,
    })
    const wanted = samples as NonNullable<typeof samples>
    const draw = (file: string, split: 'train' | 'held-out', problems: number) =>
      drawVerified(
        join(folder, file),
        { sampler, reader, environment },
        split,
        seed,
        { ...wanted, problems },
        { signal, onProgress: (asked, kept) => context.report({ sampling: split, asked, of: problems, kept }) },
      )
    const train = await draw('samples.jsonl', 'train', wanted.problems)
    const heldOut = await draw('held-out.jsonl', 'held-out', Math.ceil(wanted.problems / 20))
    if (train.length > 0) return [train, heldOut]
  } finally {
    teacher.variables.dispose()
  }
  throw new R1Error('no-data', 'The teacher solved none of the problems.', {
    remedy: 'Draw more samples for each, ask easier problems, or lower `threshold`.',
  })
}

async function sampleBatches(
  settings: Options,
  context: StageContext,
  drawn: Drawn,
  student: LoadedModel,
  rows: number,
): Promise<StageBatches> {
  const { length, workers, samples } = settings
  const [train, heldOut] = await teacherSamples(settings, context, drawn, student)
  const pad = drawn.reader.tokenizer.special.pad ?? 0
  const repeated = new RepeatedStream(new ListStream(train))
  const shuffled = new ShuffledStream(repeated, { seed: context.seed, buffer: samples?.shuffle ?? 1000 })
  return rowBatches(rowsOf(shuffled, length, pad), rowsOf(new ListStream(heldOut), length, pad), { rows, workers })
}

/** The student's own samples to learn from; to measure on, what the teacher writes for held-out problems. */
async function ownBatches(
  settings: Options,
  { base, seed, signal, threads }: StageContext,
  { environment, reader, slots }: Drawn,
  student: LoadedModel,
  rows: number,
): Promise<StageBatches> {
  const { onPolicy, length, precision } = settings
  const { maxNewTokens, temperature } = onPolicy as NonNullable<typeof onPolicy>
  const teacher = await loadTeacher(teacherOf(settings), base, student.model)
  const open = (loaded: LoadedModel) =>
    Sampler.create(loaded, reader.stopIds, { slots, context: length + 1, precision, threads })
  const samplers = { training: await open(student), heldOut: await open(teacher) }
  const sampling = { rows, length, maxNewTokens, temperature, seed, signal }
  const batches = (sampler: Sampler, split: 'train' | 'held-out') =>
    new OwnSamples(sampler, reader, environment, { ...sampling, split })
  let looks = 0
  const measured = batches(samplers.heldOut, 'held-out')
  return {
    training: batches(samplers.training, 'train'),
    heldOut: {
      next: async () => (looks++ < heldOutBatches ? measured.next() : undefined),
      state: () => measured.state(),
      restore: (state) => measured.restore(state),
    },
    async close() {
      await samplers.training.close()
      await samplers.heldOut.close()
      teacher.variables.dispose()
    },
  }
}

/** Batches of the teacher's texts that are measured on. */
const heldOutBatches = 2

function textBatches(settings: Options, data: TextData, { base, parent, seed }: StageContext) {
  const { length, isolated, workers } = settings
  return async (rows: number) => {
    const cutting = { length, isolated, workers, tokenizer: await loadTokenizer(parent) }
    const training = await trainingRows(data, base, seed, cutting)
    return rowBatches(training, await heldOutRows(data, base, cutting), { rows, workers })
  }
}

async function stageOf(settings: Options, context: StageContext): Promise<TrainStage> {
  const { data, samples, onPolicy, temperature, targets } = settings
  const { base, parent } = context
  await using checkpoint = await openTeacher(teacherOf(settings), base)
  const teacher = modelOf(checkpoint.config)
  const divergence = settings.divergence ?? (samples ? undefined : onPolicy ? 'reverse' : 'forward')
  const followed = divergence !== undefined
  const pool = new RenderPool()
  const drawing = samples ?? onPolicy
  const environment = drawing && (await openEnvironment(drawing.environment, base))
  return {
    objective: followed ? distillObjective({ teacher, divergence, temperature, targets }) : nextToken,
    sampled: environment !== undefined,
    hashes: async () => (data ? hashesOf(data, base) : {}),
    async check() {
      if (data) await checkTexts(data, base)
    },
    async batches(rows, loaded) {
      if (data) return textBatches(settings, data, context)(rows)
      const reader = await ProblemReader.open(parent, pool)
      const drawn = { environment: environment as Environment, reader, slots: drawing?.slots ?? 1 }
      const student = loaded as LoadedModel
      return samples
        ? sampleBatches(settings, context, drawn, student, rows)
        : ownBatches(settings, context, drawn, student, rows)
    },
    async prepare(loaded) {
      if (followed) seatTeacher(await loadTeacher(teacherOf(settings), base, loaded.model), loaded)
    },
    async close() {
      pool[Symbol.dispose]()
      await environment?.close?.()
    },
  }
}

/** The stage as it is where teacher and student are there. */
const withTeacher = trainingStage({
  name: 'distill',
  summary:
    "Learns from a teacher: its whole distribution on given texts or on the student's own samples, or its verified answers.",
  options,
  make: stageOf,
})

/** A new student takes the place of the stage before, which becomes its teacher. */
async function seated(settings: Options, context: StageContext): Promise<readonly [Options, StageContext]> {
  const { student, teacher = context.parent } = settings
  if (!student) return [settings, context]
  return [
    { ...settings, teacher },
    { ...context, parent: await newStudent(student, context) },
  ]
}

/** Learns from a larger model. */
export const distill: Stage<typeof options> = {
  ...withTeacher,
  async plan(settings, context) {
    const [taught, own] = await seated(settings, context)
    const plan = await withTeacher.plan(taught, own)
    if (!taught.samples) return plan
    await using checkpoint = await openTeacher(teacherOf(taught), context.base)
    const { problems, each, maxNewTokens } = taught.samples
    const drawing = drawingOperations(parametersOf(modelOf(checkpoint.config)), problems * each, maxNewTokens)
    return { ...plan, operations: plan.operations + drawing }
  },
  run: async (settings, context) => withTeacher.run(...(await seated(settings, context))),
}
