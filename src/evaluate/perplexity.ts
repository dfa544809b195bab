import { readFile } from 'node:fs/promises'
import { R1Error } from '../errors.ts'
import { loadTextModel, Scorer } from '../generate/index.ts'
import type { WeightPrecision } from '../models/index.ts'
import { bitsPerByte } from './metrics/likelihood.ts'

/** How well a model foresees a text. */
export interface PerplexityResult {
  file: string
  perplexity: number
  /** Mean of −ln p over the tokens. */
  loss: number
  bitsPerByte: number
  tokens: number
  window: number
}

export interface PerplexityOptions {
  /** Tokens that are seen together. Default 512. */
  readonly window?: number
  /** Only so many tokens from the beginning. */
  readonly maxTokens?: number | undefined
  readonly weights?: WeightPrecision
  readonly threads?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: (what: string, part: number) => void
}

/** Measures how well a model foresees the text of a file. @throws R1Error `file-not-found`, and what loading throws */
export async function measurePerplexity(
  name: string,
  file: string,
  { window = 512, maxTokens, weights, threads, signal, onProgress }: PerplexityOptions = {},
): Promise<PerplexityResult> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new R1Error('file-not-found', `${file} cannot be read.`, { remedy: 'Give a text file.', cause })
  })
  const model = await loadTextModel(name, { weights, signal, onProgress })
  const scorer = new Scorer(model, threads === undefined ? {} : { threads })
  try {
    const tokens = model.tokenizer.encode(text).subarray(0, maxTokens)
    const found = await scorer.perplexity(tokens, window, {
      ...(signal && { signal }),
      onProgress: (done, total) => onProgress?.('foreseeing', done / total),
    })
    // The first token of a window is given, not foreseen: its bytes count as the others do.
    const bytes = (Buffer.byteLength(model.tokenizer.decode(tokens)) * found.tokens) / tokens.length
    return { file, ...found, bitsPerByte: bitsPerByte(found.loss * found.tokens, bytes), window }
  } finally {
    await scorer.dispose()
    model.variables.dispose()
  }
}
