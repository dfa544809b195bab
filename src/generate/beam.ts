import type { EngineLike } from './engine-like.ts'
import type { FinishReason } from './guide.ts'
import { checkWhole } from './request.ts'

export interface BeamOptions {
  /** Sequences that are kept in every step, 2 to 10. */
  readonly beams: number
  readonly maxNewTokens: number
  readonly stopIds?: Iterable<number>
  /** Scores are divided by length to this power, 1 without it: above 0 favours longer texts (arXiv:1609.08144, simplified). */
  readonly lengthPenalty?: number
  readonly signal?: AbortSignal | undefined
}

/** A text that beam search found. */
export interface Beam {
  /** Tokens of the text, its stop token included. */
  readonly ids: readonly number[]
  /** Sum of the tokens' log-probabilities, in nats. */
  readonly logProbability: number
  readonly reason: FinishReason
}

/** A text on its way. */
interface Candidate {
  readonly ids: readonly number[]
  readonly logProbability: number
}

/**
 * Searches for likely texts: in every step the best continuations of all kept texts are kept. The engine's cache holds what
 * texts have in common, so that a step costs one token for each.
 *
 * @param prompt `[P]`
 * @returns texts, the best first
 * @throws R1Error `bad-option`, and what the engine throws
 */
export async function beamSearch(engine: EngineLike, prompt: ArrayLike<number>, options: BeamOptions): Promise<Beam[]> {
  const { beams, maxNewTokens, lengthPenalty = 1, signal } = options
  checkWhole('beams', beams, 2, 10)
  checkWhole('maxNewTokens', maxNewTokens, 1, Number.MAX_SAFE_INTEGER)
  const stops = new Set(options.stopIds ?? [])
  const score = ({ ids, logProbability }: Candidate) => logProbability / ids.length ** lengthPenalty
  const byScore = (left: Candidate, right: Candidate) => score(right) - score(left)
  const done: Beam[] = []
  let kept: Candidate[] = [{ ids: [], logProbability: 0 }]
  for (let length = 1; length <= maxNewTokens && kept.length > 0; length++) {
    const next = (await Promise.all(kept.map((candidate) => continuations(engine, prompt, candidate, beams, signal))))
      .flat()
      .sort((left, right) => right.logProbability - left.logProbability)
    const ended = next.slice(0, 2 * beams).filter(({ ids }) => stops.has(ids.at(-1) as number))
    done.push(...ended.map((candidate) => ({ ...candidate, reason: 'stop' as const })))
    kept = next.filter(({ ids }) => !stops.has(ids.at(-1) as number)).slice(0, beams)
    const isFull = prompt.length + length >= engine.context
    if (length === maxNewTokens || isFull) {
      const reason = isFull ? 'context' : 'length'
      done.push(...kept.map((candidate) => ({ ...candidate, reason }) as const))
      break
    }
    if (done.length >= beams) break
  }
  return done.sort(byScore).slice(0, beams)
}

/** The most likely next tokens of a text: one more than are kept may end it. */
async function continuations(
  engine: EngineLike,
  prompt: ArrayLike<number>,
  { ids, logProbability }: Candidate,
  beams: number,
  signal: AbortSignal | undefined,
): Promise<Candidate[]> {
  const { tokens } = await engine
    .generate({ prompt: [...Array.from(prompt), ...ids], maxNewTokens: 1, logProbabilities: 2 * beams, signal })
    .all()
  return (tokens[0]?.alternatives ?? []).map((token) => ({
    ids: [...ids, token.id],
    logProbability: logProbability + token.logProbability,
  }))
}
