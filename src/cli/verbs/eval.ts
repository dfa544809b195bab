import type { Command } from 'commander'
import { shippedModel } from '../../checkpoint/shipped.ts'
import { R1Error } from '../../errors.ts'
import type { Card, Interval, PerplexityResult, RunTaskOptions, TaskResult } from '../../evaluate/index.ts'
import type { DeepSeekR1 } from '../../generate/index.ts'
import type { WeightPrecision } from '../../models/index.ts'
import { weightsOption } from '../generation.ts'
import { interruptible } from '../interrupt.ts'
import { withProgress } from '../progress.ts'
import { createVerb, printResult } from '../verb.ts'

interface EvalValues {
  json?: boolean
  tasks?: string
  perplexity?: string
  limit: string
  samples: string
  temperature?: string
  topP?: string
  maxTokens?: string
  seed: string
  slots: string
  window: string
  threads?: string
  context?: string
  output?: string
  weights: WeightPrecision
}

/** What `r1 eval` measured. */
interface EvalResult {
  model: string
  tasks: readonly TaskResult[]
  perplexity?: PerplexityResult
  card?: Card
}

/** `r1 eval <model> --tasks …`: measures a model on problems with checkable answers, or how well it foresees a text. */
export function evalVerb(): Command {
  return createVerb({
    name: 'eval',
    summary: 'Measure a model on problems with checkable answers, or how well it foresees a text.',
    examples: [
      ['r1 eval model.gguf --tasks gsm8k,countdown --limit 100', 'the share of 100 problems of each that it solves'],
      ['r1 eval ./my-model --tasks countdown:numbers=4 --samples 16', 'with pass@k and majority@k'],
      ['r1 eval ./my-model --tasks ./my-environment.ts', 'problems of your own'],
      ['r1 eval model.gguf --perplexity book.txt', 'its perplexity, in windows of 512 tokens'],
      ['r1 eval r1-nano', 'the card of a model that has one'],
    ],
  })
    .argument('<model>', 'a folder, a .gguf or .safetensors file, or a model on the hub')
    .option('--tasks <list>', 'names or paths of environments, with commas between them')
    .option('--limit <n>', 'most problems of a task', '256')
    .option('--samples <n>', 'texts for each problem', '1')
    .option('--temperature <t>', 'without it 0 for one sample, 1 for several')
    .option('--top-p <p>', 'draw among the most likely tokens that reach this probability together')
    .option('--max-tokens <n>', 'most tokens of a text (512), or of the text for the perplexity (all)')
    .option('--seed <n>', 'problems, texts and intervals follow from it', '0')
    .option('--slots <n>', 'texts that are written side by side', '16')
    .option('--context <n>', 'most tokens of prompt and text')
    .option('--output <file>', 'write every text with its reward into this file, as JSON lines')
    .option('--perplexity <file>', 'a text to be foreseen')
    .option('--window <tokens>', 'tokens of that text that are seen together', '512')
    .option('--threads <n>', 'threads of a step')
    .addOption(weightsOption())
    .action(async (name: string, values: EvalValues) => {
      const result = await interruptible((signal) =>
        withProgress((progress) =>
          values.tasks === undefined && values.perplexity === undefined
            ? measureCard(name, values, signal, progress)
            : measure(name, values, signal, progress),
        ),
      )
      const { cardPage } = await import('../../evaluate/index.ts')
      printResult(result, values.json, (measured) =>
        measured.card ? cardPage(measured.card, measured.tasks) : format(measured),
      )
    })
}

type Progress = (message: string) => void

async function measure(name: string, values: EvalValues, signal: AbortSignal, progress: Progress): Promise<EvalResult> {
  const threads = values.threads === undefined ? {} : { threads: wholeNumber('--threads', values.threads) }
  const tasks = values.tasks === undefined ? [] : await measureTasks(name, values, signal, progress, threads)
  if (values.perplexity === undefined) return { model: name, tasks }
  const onProgress = (what: string, part: number) => progress(`${what} ${Math.round(100 * part)} %`)
  const { measurePerplexity } = await import('../../evaluate/index.ts')
  const perplexity = await measurePerplexity(name, values.perplexity, {
    window: wholeNumber('--window', values.window),
    maxTokens: values.maxTokens === undefined ? undefined : wholeNumber('--max-tokens', values.maxTokens),
    weights: values.weights,
    ...threads,
    signal,
    onProgress,
  })
  return { model: name, tasks, perplexity }
}

/** Measures what the model's own card names. */
async function measureCard(
  name: string,
  values: EvalValues,
  signal: AbortSignal,
  progress: Progress,
): Promise<EvalResult> {
  const { readCard } = await import('../../evaluate/index.ts')
  const card = await readCard(shippedModel(name) ?? name)
  const asked = { ...values, tasks: card.tasks.map(({ task }) => task).join(','), limit: String(card.limit) }
  return { ...(await measure(name, asked, signal, progress)), card }
}

async function measureTasks(
  name: string,
  values: EvalValues,
  signal: AbortSignal,
  progress: Progress,
  threads: { threads?: number },
): Promise<TaskResult[]> {
  const { DeepSeekR1 } = await import('../../generate/index.ts')
  const { openTask } = await import('../../evaluate/index.ts')
  const { patientRenderLimits } = await import('../../text/index.ts')
  const names = (values.tasks ?? '').split(',').map((task) => task.trim())
  // What is wrong with a task is said before the model is loaded.
  for (const task of names) await openTask(task, { chats: false })
  const slots = wholeNumber('--slots', values.slots)
  const model = await DeepSeekR1.fromPretrained(name, {
    renderLimits: patientRenderLimits,
    slots,
    signal,
    weights: values.weights,
    ...(values.context !== undefined && { context: wholeNumber('--context', values.context) }),
    ...threads,
    onProgress: (what, part) => progress(`${what} ${Math.round(100 * part)} %`),
  })
  try {
    return await runTasks(model, names, { ...runOptions(values), concurrency: 2 * slots, signal }, values, progress)
  } finally {
    await model.close()
  }
}

async function runTasks(
  model: DeepSeekR1,
  names: readonly string[],
  options: RunTaskOptions,
  { output }: EvalValues,
  progress: Progress,
): Promise<TaskResult[]> {
  const { openTask, runTask, SampleFile } = await import('../../evaluate/index.ts')
  const file = output === undefined ? undefined : await SampleFile.create(output)
  const results: TaskResult[] = []
  try {
    for (const name of names) {
      const task = await openTask(name, { chats: model.chats })
      const result = await runTask(model, task, {
        ...options,
        onProgress: (done, limit, accuracy) => progress(`${name}: ${done} of ${limit}, ${percent(accuracy)} right`),
        onSample: (sample) => file?.append(task.name, sample),
      })
      results.push(result)
      await task.environment.close?.()
    }
    return results
  } finally {
    await file?.close()
  }
}

function runOptions({ limit, samples, temperature, topP, maxTokens, seed }: EvalValues): RunTaskOptions {
  return {
    limit: wholeNumber('--limit', limit),
    samples: wholeNumber('--samples', samples),
    temperature: temperature === undefined ? undefined : number('--temperature', temperature),
    topP: topP === undefined ? undefined : number('--top-p', topP),
    ...(maxTokens !== undefined && { maxNewTokens: wholeNumber('--max-tokens', maxTokens) }),
    seed: wholeNumber('--seed', seed, 0),
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
const shown = ({ value, low, high }: Interval): string => `${percent(value)} (${percent(low)} to ${percent(high)})`

function format({ tasks, perplexity }: EvalResult): string {
  const lines = tasks.map((result) => {
    const { task, accuracy, examples, samples, temperature, failures, truncated, length } = result
    const several = Object.entries({
      pass: result.passAt,
      majority: result.majorityAt,
      verifier: result.verifierBestAt,
    })
    const parts = several.flatMap(([name, byK]) => {
      const last = Object.entries(byK).at(-1)
      return last ? [`${name}@${last[0]} ${shown(last[1])}`] : []
    })
    const notes = [
      `${length.toFixed(0)} tokens a text`,
      `${percent(truncated)} cut`,
      failures > 0 && `${failures} not scored`,
    ]
    const how = `${examples} problems, ${samples} each at temperature ${temperature}, ${notes.filter(Boolean).join(', ')}`
    return `${task}: ${[shown(accuracy), ...parts].join(', ')}\n  ${how}`
  })
  if (perplexity) {
    const { file, perplexity: value, bitsPerByte: bits, tokens, window } = perplexity
    lines.push(
      `${file}: perplexity ${value.toFixed(3)}, ${bits.toFixed(4)} bits a byte, over ${tokens} tokens in windows of ${window}`,
    )
  }
  return lines.join('\n')
}

function number(name: string, text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value)) return value
  throw new R1Error('bad-option', `${name} cannot be ${text}.`, { remedy: 'Use a number.' })
}

function wholeNumber(name: string, text: string, least = 1): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= least) return value
  throw new R1Error('bad-option', `${name} cannot be ${text}.`, { remedy: `Use a whole number ≥ ${least}.` })
}
