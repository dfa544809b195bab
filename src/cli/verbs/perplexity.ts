import { readFile } from 'node:fs/promises'
import { R1Error } from '../../errors.ts'
import type { WeightPrecision } from '../../models/index.ts'

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

interface PerplexityOptions {
  /** Tokens that are seen together. */
  window: number
  /** Only so many tokens from the beginning. */
  maxTokens: number | undefined
  weights: WeightPrecision
  program: { threads?: number }
  signal: AbortSignal
  onProgress: (what: string, part: number) => void
}

/** Measures how well a model foresees the text of a file. @throws R1Error `file-not-found`, and what loading throws */
export async function measurePerplexity(
  name: string,
  file: string,
  { window, maxTokens, weights, program, signal, onProgress }: PerplexityOptions,
): Promise<PerplexityResult> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new R1Error('file-not-found', `${file} cannot be read.`, { remedy: 'Give a text file.', cause })
  })
  const { loadTextModel, Scorer } = await import('../../generate/index.ts')
  const { bitsPerByte } = await import('../../evaluate/index.ts')
  const model = await loadTextModel(name, { weights, signal, onProgress })
  const scorer = new Scorer(model, program)
  const tokens = model.tokenizer.encode(text).subarray(0, maxTokens)
  const found = await scorer.perplexity(tokens, window, {
    signal,
    onProgress: (done, total) => onProgress('foreseeing', done / total),
  })
  // The first token of a window is given, not foreseen: its bytes count as the others do.
  const bytes = (Buffer.byteLength(model.tokenizer.decode(tokens)) * found.tokens) / tokens.length
  return { file, ...found, bitsPerByte: bitsPerByte(found.loss * found.tokens, bytes), window }
}
