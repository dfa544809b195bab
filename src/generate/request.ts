import { R1Error } from '../errors.ts'
import type { FinishReason, Guide } from './guide.ts'
import { checkSampling, type SamplingOptions } from './sampling/options.ts'
import type { ScoredToken } from './sampling/scored-token.ts'

/** Most alternatives that are given to a token. */
export const mostAlternatives = 20

/** What an engine is asked for: tokens in, tokens out. */
export interface TokenRequest {
  /** `[P]`, at least one token. */
  readonly prompt: ArrayLike<number>
  /** Most tokens of the text; what the context has room for without it. */
  readonly maxNewTokens?: number | undefined
  /** The text ends with any of these; the token itself is part of what is given out. */
  readonly stopIds?: Iterable<number> | undefined
  readonly sampling?: SamplingOptions | undefined
  readonly guide?: Guide | undefined
  /** Gives each token's log-probability, and that many of the most likely ones: 0 to 20. */
  readonly logProbabilities?: number | undefined
  /** Drafts tokens by what followed the same tokens earlier: the text stays the same, and comes sooner where it repeats itself. */
  readonly lookup?: boolean | undefined
  /** Higher is served first; 0 without it. Waiting raises it slowly. */
  readonly priority?: number | undefined
  /** Prompts share what was computed only among equal salts. */
  readonly salt?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** One token of a text. */
export interface GeneratedToken {
  readonly id: number
  /** ln of the probability that the model gave it, before temperature and penalties, where it was asked for. */
  readonly logProbability?: number
  /** The most likely tokens, the best first, where they were asked for. */
  readonly alternatives?: readonly ScoredToken[]
}

/** What a request took. */
export interface Usage {
  readonly promptTokens: number
  /** Tokens of the prompt that were in a cache and not computed again. */
  readonly cachedTokens: number
  readonly newTokens: number
  /** Drafted tokens that the model agreed with. */
  readonly acceptedDrafts: number
  /** From asking to a slot, to the first token, and to the end, in milliseconds. */
  readonly queuedMs: number
  readonly firstTokenMs: number
  readonly totalMs: number
}

/** How a text ended. */
export interface Finish {
  readonly reason: FinishReason
  readonly usage: Usage
}

/**
 * Checks a request from outside.
 *
 * @param vocabulary number of tokens of the model
 * @param context most tokens of prompt and text
 * @throws R1Error `empty-prompt`, `bad-token`, `context-too-long`, `bad-option`
 */
export function checkRequest(request: TokenRequest, vocabulary: number, context: number): void {
  const { prompt, maxNewTokens, logProbabilities, priority } = request
  if (!(prompt.length > 0)) throw new R1Error('empty-prompt', 'The prompt has no token.', { remedy: 'Give some text.' })
  for (const id of [...Array.from(prompt), ...(request.stopIds ?? [])]) checkToken(id, vocabulary)
  if (prompt.length >= context) {
    throw new R1Error('context-too-long', `The prompt has ${prompt.length} tokens, the context ${context}.`, {
      remedy: 'Shorten the prompt, or load the model with a longer context.',
    })
  }
  checkWhole('maxNewTokens', maxNewTokens, 1, Number.MAX_SAFE_INTEGER)
  checkWhole('logProbabilities', logProbabilities, 0, mostAlternatives)
  checkWhole('priority', priority, -1000, 1000)
  checkSampling(request.sampling ?? {}, vocabulary)
}

function checkToken(id: unknown, vocabulary: number): void {
  if (Number.isInteger(id) && (id as number) >= 0 && (id as number) < vocabulary) return
  throw new R1Error('bad-token', `${String(id)} is no token of the model.`, {
    remedy: `Tokens are whole numbers from 0 to ${vocabulary - 1}.`,
  })
}

/** @throws R1Error `bad-option` for anything but a whole number in the range, or nothing */
export function checkWhole(name: string, value: unknown, least: number, most: number): void {
  if (value === undefined) return
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return
  const range = most === Number.MAX_SAFE_INTEGER ? `≥ ${least}` : `from ${least} to ${most}`
  throw new R1Error('bad-option', `${name} cannot be ${String(value)}.`, { remedy: `Use a whole number ${range}.` })
}
