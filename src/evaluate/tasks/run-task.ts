import { setMaxListeners } from 'node:events'
import type { Attempt, Example, Prompt } from '../../environments/index.ts'
import { score } from '../../environments/index.ts'
import { R1Error } from '../../errors.ts'
import type { Choice, DeepSeekR1 } from '../../generate/index.ts'
import { randomWord } from '../../tensor/random.ts'
import { thinkTags } from '../../text/index.ts'
import type { Sample } from './outcome.ts'
import { summarize, type TaskSummary } from './summarize.ts'
import type { Task } from './task.ts'

/** What writes the texts. */
export type Writer = Pick<DeepSeekR1, 'generate'>

export interface RunTaskOptions {
  /** Most problems. Default 256. */
  readonly limit?: number
  /** Texts for each problem. Default 1. */
  readonly samples?: number
  /** Default 0, the most likely text, for one sample, and 1 for several. */
  readonly temperature?: number | undefined
  readonly topP?: number | undefined
  /** Most tokens of a text. Default 512. */
  readonly maxNewTokens?: number
  /** Problems, texts and intervals follow from it. Default 0. */
  readonly seed?: number
  /** Texts that are under way at once. Default 32. */
  readonly concurrency?: number
  readonly signal?: AbortSignal | undefined
  /** Hears after each problem how many are done and the share of right texts so far. */
  readonly onProgress?: (done: number, limit: number, accuracy: number) => void
  /** Hears of each text, problem by problem in their order. */
  readonly onSample?: (sample: Sample) => void | Promise<void>
}

/** What a model reached on a task, and how it was measured. */
export interface TaskResult extends TaskSummary {
  readonly task: string
  readonly split: Task['split']
  readonly seed: number
  readonly temperature: number
  readonly maxNewTokens: number
}

/**
 * Measures a model on the problems of a task.
 *
 * @throws R1Error `no-examples`, `no-scores` where no text has a reward, `aborted`, and what writing throws
 */
export async function runTask(writer: Writer, task: Task, options: RunTaskOptions = {}): Promise<TaskResult> {
  const { limit = 256, samples = 1, seed = 0, maxNewTokens = 512, concurrency = 32 } = options
  const temperature = options.temperature ?? (samples === 1 ? 0 : 1)
  // A signal of our own: every text that is under way listens to it.
  const signal = options.signal && AbortSignal.any([options.signal])
  if (signal) setMaxListeners(0, signal)
  const all: Sample[] = []
  const under: Promise<Sample[]>[] = []
  const finishOldest = async (): Promise<void> => {
    for (const sample of (await under.shift()) ?? []) {
      all.push(sample)
      await options.onSample?.(sample)
    }
    const right = all.filter(({ correct }) => correct).length
    options.onProgress?.(all.length / samples, limit, right / all.length)
  }
  try {
    let index = 0
    for await (const example of task.environment.examples(task.split, seed)) {
      if (index === limit) break
      const sampling = { samples, temperature, topP: options.topP, maxNewTokens, seed: randomWord(seed, index) }
      const writing = writeSamples(writer, task, example, index, { ...sampling, signal })
      // A failure is met when its turn comes.
      writing.catch(() => undefined)
      under.push(writing)
      index++
      if (under.length * samples >= concurrency) await finishOldest()
    }
    while (under.length > 0) await finishOldest()
  } finally {
    await Promise.allSettled(under)
  }
  const summary = summarize(all, samples, seed)
  if (!summary) throw nothingMeasured(task, all)
  return { task: task.name, split: task.split, seed, temperature, maxNewTokens, ...summary }
}

interface Sampling {
  readonly samples: number
  readonly temperature: number
  readonly topP: number | undefined
  readonly maxNewTokens: number
  readonly seed: number
  readonly signal: AbortSignal | undefined
}

async function writeSamples(
  writer: Writer,
  task: Task,
  example: Example,
  index: number,
  { samples, ...sampling }: Sampling,
): Promise<Sample[]> {
  const { prompt } = example
  const raw = typeof prompt === 'string'
  const { choices } = await writer.generate(prompt, { ...sampling, n: samples, raw }).catch((error: unknown) => {
    if (R1Error.isInstance(error, 'context-too-long')) return { choices: error.message }
    throw error
  })
  // A problem that the model cannot even read is no reason to lose what was measured of the others.
  if (typeof choices === 'string') return [unwritten(example, index, choices)]
  const outcomes: Sample[] = []
  for (const choice of choices) outcomes.push(await scoreChoice(task, example, index, choice))
  return outcomes
}

/** The sample of a problem for which nothing was written. */
function unwritten({ key, prompt }: Example, index: number, failure: string): Sample {
  const nothing = { reward: undefined, answer: undefined, verified: undefined, correct: false, parts: {} }
  const written = { completion: '', tokens: 0, finish: 'length' } as const
  return { example: index, key, prompt: promptText(prompt), ...written, ...nothing, failure }
}

async function scoreChoice({ environment }: Task, example: Example, index: number, choice: Choice): Promise<Sample> {
  const completion = completionOf(choice)
  const tokens = choice.tokens.map(({ id }) => id)
  const attempt: Attempt = { prompt: example.prompt, completion, tokens, example }
  const scored = await score(environment, attempt)
  const written = {
    example: index,
    key: example.key,
    prompt: promptText(example.prompt),
    completion,
    tokens: tokens.length,
    finish: choice.finishReason,
  }
  if (scored.failure !== undefined) {
    const nothing = { reward: undefined, answer: undefined, verified: undefined }
    return { ...written, ...nothing, correct: false, parts: {}, failure: scored.failure }
  }
  const { reward, parts, answer, verified } = scored
  // Where the environment does not say what is right, a full reward does.
  return { ...written, reward, parts, correct: (parts.correct ?? reward) >= 1, answer, verified, failure: undefined }
}

/** The text as the model wrote it: the thought in its marks, open where the text was cut inside. */
export function completionOf({ reasoning, text }: Choice): string {
  if (reasoning === undefined) return text
  return `${thinkTags.open}${reasoning}${text === '' ? '' : `${thinkTags.close}${text}`}`
}

const promptText = (prompt: Prompt): string =>
  typeof prompt === 'string' ? prompt : prompt.map(({ role, content }) => `${role}: ${content}`).join('\n')

function nothingMeasured({ name, split }: Task, all: readonly Sample[]): R1Error {
  const failure = all.find((sample) => sample.failure !== undefined)?.failure
  if (failure === undefined) {
    return new R1Error('no-examples', `The task ${name} has no ${split} problems.`, {
      remedy: 'Let the environment give some, or name the other split.',
    })
  }
  return new R1Error('no-scores', `The task ${name} could score none of ${all.length} texts: ${failure}`, {
    remedy: 'Mend the reward of its environment.',
  })
}
