import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { writeJson } from '../checkpoint/atomic.ts'
import { openCheckpoint } from '../checkpoint/index.ts'
import { R1Error } from '../errors.ts'
import { DeepSeekR1 } from '../generate/index.ts'
import { modelOf, weightPrecisions } from '../models/index.ts'
import { patientRenderLimits } from '../text/index.ts'
import { drawingOperations, parametersOf } from '../train/stages/estimate.ts'
import type { Stage, StageContext } from '../train/stages/stage.ts'
import { measurePerplexity, type PerplexityResult } from './perplexity.ts'
import { openTask, runTask, SampleFile, type TaskResult, taskSchema } from './tasks/index.ts'

const options = z.strictObject({
  tasks: z
    .array(taskSchema)
    .default([])
    .describe('What to measure on: names such as countdown or countdown:numbers=4, paths of files with environments.'),
  perplexity: z.array(z.string()).default([]).describe('Text files to be foreseen.'),
  window: z.int().min(2).default(512).describe('Tokens of these that are seen together.'),
  limit: z.int().positive().default(256).describe('Most problems of a task.'),
  samples: z
    .int()
    .positive()
    .max(128)
    .default(1)
    .describe('Texts for each problem; several give pass@k and majority@k.'),
  temperature: z.number().min(0).optional().describe('Without it 0 for one sample, 1 for several.'),
  maxNewTokens: z.int().positive().default(512).describe('Most tokens of a text.'),
  slots: z.int().positive().max(1024).default(16).describe('Texts that are written side by side.'),
  weights: z.enum(weightPrecisions).default('file').describe('How weights are kept while it writes.'),
})

type Options = z.output<typeof options>

/** Measures the checkpoint before it, and hands it on as it is. */
export const evaluate: Stage<typeof options> = {
  name: 'evaluate',
  summary: 'Measures the checkpoint on tasks; every text is written to samples.jsonl.',
  options,
  async plan({ tasks, perplexity, limit, samples, maxNewTokens }, { parent, base }) {
    if (tasks.length + perplexity.length === 0) {
      throw new R1Error('bad-option', 'There is nothing to measure.', {
        remedy: 'Name tasks, or texts for the perplexity.',
      })
    }
    for (const file of perplexity) await findFile(resolve(base, file))
    for (const task of tasks) await (await openTask(task, { base, chats: false })).environment.close?.()
    await using checkpoint = await openCheckpoint(parent)
    const parameters = parametersOf(modelOf(checkpoint.config))
    const texts = tasks.length * limit * samples
    const operations = drawingOperations(parameters, texts, maxNewTokens)
    return { parameters, steps: 0, tokens: texts * (maxNewTokens / 2), operations, memory: 4 * parameters }
  },
  async run(settings, context) {
    const { parent, folder } = context
    const results = settings.tasks.length > 0 ? await measureTasks(settings, context) : []
    const texts = await measureTexts(settings, context)
    await writeJson(join(folder, 'evaluation.json'), { tasks: results, perplexity: texts })
    const metrics: Record<string, number> = Object.assign({}, ...results.map(metricsOf))
    settings.perplexity.forEach((name, index) => {
      const { perplexity, bitsPerByte } = texts[index] as PerplexityResult
      Object.assign(metrics, { [`${name}/perplexity`]: perplexity, [`${name}/bitsPerByte`]: bitsPerByte })
    })
    return { checkpoint: parent, metrics, data: {} }
  },
}

async function findFile(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isFile()) return
  throw new R1Error('file-not-found', `There is no file ${path}.`, { remedy: 'Give the path of a text.' })
}

async function measureTasks(settings: Options, context: StageContext): Promise<TaskResult[]> {
  const { slots, weights, maxNewTokens } = settings
  const { parent, signal, threads } = context
  const model = await DeepSeekR1.fromPretrained(parent, {
    renderLimits: patientRenderLimits,
    slots,
    weights,
    signal,
    ...(threads !== undefined && { threads }),
  })
  try {
    return await measureAll(model, { ...settings, maxNewTokens: Math.min(maxNewTokens, model.context - 1) }, context)
  } finally {
    await model.close()
  }
}

async function measureTexts(
  { perplexity, window, weights }: Options,
  { parent, base, signal, threads }: StageContext,
): Promise<PerplexityResult[]> {
  const results: PerplexityResult[] = []
  for (const file of perplexity) {
    results.push(await measurePerplexity(parent, resolve(base, file), { window, weights, signal, threads }))
  }
  return results
}

async function measureAll(model: DeepSeekR1, settings: Options, context: StageContext): Promise<TaskResult[]> {
  const { base, folder, seed, signal } = context
  const { limit, samples, temperature, maxNewTokens, slots } = settings
  const file = await SampleFile.create(join(folder, 'samples.jsonl'))
  const results: TaskResult[] = []
  try {
    for (const specification of settings.tasks) {
      const task = await openTask(specification, { base, chats: model.chats })
      const result = await runTask(model, task, {
        ...{ limit, samples, temperature, maxNewTokens, seed, signal, concurrency: 2 * slots },
        onSample: (sample) => file.append(task.name, sample),
      }).finally(() => task.environment.close?.())
      await context.report({ task: task.name, ...metricsOf(result) })
      results.push(result)
    }
  } finally {
    await file.close()
  }
  return results
}

/** The main numbers of a result, by `task/number`. */
function metricsOf({
  task,
  accuracy,
  passAt,
  majorityAt,
  verifierBestAt,
  ...result
}: TaskResult): Record<string, number> {
  const metrics: Record<string, number> = {
    accuracy: accuracy.value,
    accuracyLow: accuracy.low,
    accuracyHigh: accuracy.high,
    length: result.length,
    truncated: result.truncated,
    failures: result.failures,
  }
  for (const [name, byK] of Object.entries({ pass: passAt, majority: majorityAt, verifierBest: verifierBestAt })) {
    for (const [k, { value }] of Object.entries(byK)) metrics[`${name}@${k}`] = value
  }
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`${task}/${name}`, value]))
}
