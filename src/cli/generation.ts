import { type Command, InvalidArgumentError, Option } from 'commander'
import type { DeepSeekR1, GenerateOptions } from '../generate/index.ts'
import { type WeightPrecision, weightPrecisions } from '../models/weight-precision.ts'
import { withProgress } from './progress.ts'

/** Options of every verb that writes text. */
export interface GenerationValues {
  json?: boolean
  maxTokens?: number
  temperature?: number
  topK?: number
  topP?: number
  minP?: number
  seed?: number
  stop?: string[]
  thinkingBudget?: number
  lookup?: boolean
  context?: number
  threads?: number
  weights?: WeightPrecision
}

function parseNumber(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('It must be a number.')
  return value
}

/** How weights are kept. */
export function weightsOption(): Option {
  return new Option('--weights <form>', 'how weights are kept: in the blocks of the file, or otherwise')
    .choices(weightPrecisions)
    .default('file')
}

/** Adds the options that say how text is written. */
export function withGeneration(verb: Command): Command {
  return verb
    .option('--max-tokens <n>', 'most tokens of the text', parseNumber)
    .option('--temperature <t>', '0 takes the most likely token, 1 draws as the model says', parseNumber)
    .option('--top-k <n>', 'draw among the n most likely tokens', parseNumber)
    .option('--top-p <p>', 'draw among the most likely tokens that reach this probability together', parseNumber)
    .option('--min-p <p>', 'draw among tokens at least this part as likely as the best', parseNumber)
    .option('--seed <n>', 'the same seed gives the same text', parseNumber)
    .option('--stop <text...>', 'end before one of these')
    .option('--thinking-budget <n>', 'most tokens of the thought', parseNumber)
    .option('--lookup', 'guess tokens from what the text has had: faster where it repeats itself, the same text')
    .option('--context <n>', 'most tokens of prompt and text', parseNumber)
    .option('--threads <n>', 'threads of a step', parseNumber)
    .addOption(weightsOption())
}

/** The options as the library names them. */
export function generateOptionsOf(values: GenerationValues): GenerateOptions {
  const { maxTokens, temperature, topK, topP, minP, seed, stop, thinkingBudget, lookup } = values
  return { maxNewTokens: maxTokens, temperature, topK, topP, minP, seed, stop, thinkingBudget, lookup }
}

/** Loads the model of a verb, saying how far it is. */
export async function loadModelOf(
  name: string,
  { context, threads, weights }: GenerationValues,
  signal: AbortSignal,
  slots = 1,
): Promise<DeepSeekR1> {
  const { DeepSeekR1 } = await import('../generate/index.ts')
  return await withProgress((progress) =>
    DeepSeekR1.fromPretrained(name, {
      slots,
      signal,
      weights,
      ...(context !== undefined && { context }),
      ...(threads !== undefined && { threads }),
      onProgress: (what, part) => progress(`${what} ${Math.round(100 * part)} %`),
    }),
  )
}

/** Marks a thought on a terminal; plain text elsewhere. */
export function dimmed(text: string): string {
  return process.stdout.isTTY && !process.env.NO_COLOR ? `\u001b[2m${text}\u001b[22m` : text
}
