import { join } from 'node:path'
import { z } from 'zod'
import { writeJson } from '../checkpoint/atomic.ts'
import { openCheckpoint } from '../checkpoint/index.ts'
import { DeepSeekR1 } from '../generate/index.ts'
import { modelOf } from '../models/index.ts'
import type { Stage, StageContext } from '../train/stages/stage.ts'
import { openTask, runTask, SampleFile, type TaskResult, taskSchema } from './tasks/index.ts'

const options = z.strictObject({
  tasks: z
    .array(taskSchema)
    .min(1)
    .describe('What to measure on: names such as countdown or countdown:numbers=4, paths of files with environments.'),
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
  weights: z.enum(['file', 'int8', 'int4', 'f32']).default('file').describe('How weights are kept while it writes.'),
})

type Options = z.output<typeof options>

/** Measures the checkpoint before it, and hands it on as it is. */
export const evaluate: Stage<typeof options> = {
  name: 'evaluate',
  summary: 'Measures the checkpoint on tasks; every text is written to samples.jsonl.',
  options,
  async plan({ tasks }, { parent, base }) {
    for (const task of tasks) await (await openTask(task, { base, chats: false })).environment.close?.()
    await using checkpoint = await openCheckpoint(parent)
    const shapes = modelOf(checkpoint.config)
      .parameters()
      .map(({ tensor }) => tensor.shape as readonly number[])
    const parameters = shapes.reduce((sum, shape) => sum + shape.reduce((product, extent) => product * extent, 1), 0)
    return { parameters, steps: 0, tokens: 0, operations: 0, memory: 0 }
  },
  async run(settings, context) {
    const { parent, folder, signal } = context
    const { slots, weights, maxNewTokens } = settings
    await using model = await DeepSeekR1.fromPretrained(parent, { slots, weights, signal })
    const limited = { ...settings, maxNewTokens: Math.min(maxNewTokens, model.context - 1) }
    const results = await measureAll(model, limited, context)
    await writeJson(join(folder, 'evaluation.json'), results)
    return { checkpoint: parent, metrics: Object.assign({}, ...results.map(metricsOf)), data: {} }
  },
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
      })
      await task.environment.close?.()
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
