import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { R1Error } from '../../errors.ts'
import type { WeightPrecision } from '../../models/index.ts'
import { weightsOption } from '../generation.ts'
import { interruptible } from '../interrupt.ts'
import { withProgress } from '../progress.ts'
import { createVerb, printResult } from '../verb.ts'

interface EvalValues {
  json?: boolean
  perplexity: string
  window: string
  maxTokens?: string
  threads?: string
  weights: WeightPrecision
}

/** What `r1 eval --perplexity` measured. */
interface EvalResult {
  model: string
  file: string
  perplexity: number
  loss: number
  tokens: number
  window: number
}

const format = ({ file, perplexity, tokens, window }: EvalResult) =>
  `${file}: perplexity ${perplexity.toFixed(3)} over ${tokens} tokens in windows of ${window}`

async function readText(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new R1Error('file-not-found', `${path} cannot be read.`, { remedy: 'Give a text file.', cause })
  })
}

/** `r1 eval <model> --perplexity <file>`: measures how well a model foresees a text. */
export function evalVerb(): Command {
  return createVerb({
    name: 'eval',
    summary: 'Measure how well a model foresees a text.',
    examples: [['r1 eval model.gguf --perplexity book.txt', 'its perplexity, in windows of 512 tokens']],
  })
    .argument('<model>', 'a folder, a .gguf or .safetensors file, or a model on the hub')
    .requiredOption('--perplexity <file>', 'the text')
    .option('--window <tokens>', 'tokens that are seen together', '512')
    .option('--max-tokens <n>', 'only so many tokens from the beginning')
    .option('--threads <n>', 'threads of a step')
    .addOption(weightsOption())
    .action(async (name: string, { json, perplexity: file, window, maxTokens, threads, weights }: EvalValues) => {
      const text = await readText(file)
      const { loadTextModel, Scorer } = await import('../../generate/index.ts')
      const result = await interruptible((signal) =>
        withProgress(async (progress): Promise<EvalResult> => {
          const onProgress = (what: string, part: number) => progress(`${what} ${Math.round(100 * part)} %`)
          const model = await loadTextModel(name, { weights, signal, onProgress })
          const scorer = new Scorer(model, threads === undefined ? {} : { threads: wholeNumber('--threads', threads) })
          const limit = maxTokens === undefined ? undefined : wholeNumber('--max-tokens', maxTokens)
          const tokens = model.tokenizer.encode(text).subarray(0, limit)
          const size = wholeNumber('--window', window)
          const found = await scorer.perplexity(tokens, size, {
            signal,
            onProgress: (done, total) => progress(`${done} of ${total} tokens`),
          })
          return { model: name, file, ...found, window: size }
        }),
      )
      printResult(result, json, format)
    })
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new R1Error('bad-option', `${name} cannot be ${text}.`, { remedy: 'Use a whole number ≥ 1.' })
}
