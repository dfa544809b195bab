import { R1Error } from '../../errors.ts'
import { type Beam, beamSearch } from '../beam.ts'
import type { EngineLike } from '../engine-like.ts'
import type { PromptTokens } from './generate-text.ts'
import { type Choice, type GenerateOptions, type Generation, stopsOf } from './options.ts'
import { TextFollower } from './text-follower.ts'
import type { TextFormat } from './text-model.ts'

/** Tokens of a text where nothing is said. */
const defaultLength = 256

/** What beam search does not go together with. */
const others = ['temperature', 'topK', 'topP', 'minP', 'n', 'thinkingBudget', 'schema', 'regex', 'grammar'] as const

/**
 * Writes a text by beam search; `choices` are the beams, the best first, as many as were kept.
 *
 * @throws R1Error `bad-option` for options that draw tokens or forbid them, and as {@link beamSearch}
 */
export async function searchText(
  engine: EngineLike,
  { tokenizer, stopIds }: TextFormat,
  { ids, inside }: PromptTokens,
  beams: number,
  options: GenerateOptions,
): Promise<Generation> {
  const other = others.find((name) => options[name] !== undefined)
  if (other) throw new R1Error('bad-option', `beams and ${other} do not go together.`, { remedy: 'Leave one out.' })
  const started = performance.now()
  const { maxNewTokens = Math.min(defaultLength, engine.context - ids.length), signal } = options
  const found = await beamSearch(engine, ids, { beams, maxNewTokens, stopIds, signal })
  const totalMs = performance.now() - started
  const choiceOf = ({ ids: tokens, reason }: Beam): Choice => {
    const follower = new TextFollower(tokenizer, { stops: stopsOf(options.stop), inside })
    const isStopped = tokens.some((id) => follower.accept(id) !== undefined)
    const events = follower.end()
    const joined = (wanted: string) => events.flatMap(({ type, delta }) => (type === wanted ? [delta] : [])).join('')
    const usage = { promptTokens: ids.length, cachedTokens: 0, newTokens: tokens.length, acceptedDrafts: 0 }
    return {
      text: joined('text-delta'),
      reasoning: joined('reasoning-delta') || undefined,
      finishReason: isStopped ? 'stop' : reason,
      usage: { ...usage, reasoningTokens: follower.reasoningTokens, queuedMs: 0, firstTokenMs: totalMs, totalMs },
      tokens: tokens.map((id) => ({ id })),
    }
  }
  const choices = found.map(choiceOf)
  return { ...(choices[0] as Choice), choices }
}
