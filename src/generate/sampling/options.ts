import { R1Error } from '../../errors.ts'

/** How the next token is chosen. Without options: always the most likely one. */
export interface SamplingOptions {
  /** Logits are divided by it; 0, the default, takes the most likely token. */
  readonly temperature?: number | undefined
  /** Only this many of the most likely tokens may be drawn. */
  readonly topK?: number | undefined
  /** Only the most likely tokens whose probabilities together reach it (Holtzman et al. 2019, arXiv:1904.09751). */
  readonly topP?: number | undefined
  /** Only tokens at least this part as likely as the most likely one (Nguyen et al. 2024, arXiv:2407.01082). */
  readonly minP?: number | undefined
  /** Positive logits of tokens seen in prompt or text are divided by it, negative ones multiplied (arXiv:1909.05858). */
  readonly repetitionPenalty?: number | undefined
  /** Subtracted from the logits of tokens that the text has. */
  readonly presencePenalty?: number | undefined
  /** Subtracted from the logits of tokens once for each time that the text has them. */
  readonly frequencyPenalty?: number | undefined
  /** Added to the logits, by token. */
  readonly logitBias?: ReadonlyMap<number, number> | Readonly<Record<number, number>> | undefined
  /** Whole number from 0 to 2³² − 1; the same seed and history give the same text. Random without it. */
  readonly seed?: number | undefined
}

type NumberKey = Exclude<keyof SamplingOptions, 'logitBias'>

/** What each number may be. */
const ranges: Readonly<Record<NumberKey, readonly [allowed: (value: number) => boolean, remedy: string]>> = {
  temperature: [(value) => value >= 0 && value <= 100, 'Use a number from 0 to 100.'],
  topK: [(value) => Number.isInteger(value) && value >= 1, 'Use a whole number ≥ 1.'],
  topP: [(value) => value > 0 && value <= 1, 'Use a number above 0, at most 1.'],
  minP: [(value) => value >= 0 && value <= 1, 'Use a number from 0 to 1.'],
  repetitionPenalty: [(value) => value > 0 && value <= 100, 'Use a number above 0, at most 100.'],
  presencePenalty: [(value) => Math.abs(value) <= 100, 'Use a number from -100 to 100.'],
  frequencyPenalty: [(value) => Math.abs(value) <= 100, 'Use a number from -100 to 100.'],
  seed: [
    (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32,
    'Use a whole number from 0 to 4294967295.',
  ],
}

/**
 * Checks options that come from outside.
 *
 * @param vocabulary number of tokens, V
 * @throws R1Error `bad-option`, naming the option
 */
export function checkSampling(options: SamplingOptions, vocabulary: number): void {
  for (const [name, [allowed, remedy]] of Object.entries(ranges)) {
    const value: unknown = options[name as NumberKey]
    if (value === undefined || (typeof value === 'number' && allowed(value))) continue
    throw new R1Error('bad-option', `${name} cannot be ${shown(value)}.`, { remedy })
  }
  for (const [id, bias] of biasEntries(options)) {
    if (Number.isInteger(id) && id >= 0 && id < vocabulary && typeof bias === 'number' && !Number.isNaN(bias)) continue
    throw new R1Error('bad-option', `logitBias cannot give the token ${id} the bias ${shown(bias)}.`, {
      remedy: `Tokens are whole numbers from 0 to ${vocabulary - 1}, biases are numbers.`,
    })
  }
}

const shown = (value: unknown): string => (typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? ''))

/** Token and bias of every entry of the bias. */
export function biasEntries({ logitBias }: SamplingOptions): readonly (readonly [number, number])[] {
  if (!logitBias) return []
  if (logitBias instanceof Map) return [...logitBias]
  return Object.entries(logitBias as Readonly<Record<string, number>>).map(([id, bias]) => [Number(id), bias] as const)
}
