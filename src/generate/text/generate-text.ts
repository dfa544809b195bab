import { R1Error } from '../../errors.ts'
import { randomWord } from '../../tensor/random.ts'
import type { EngineLike } from '../engine-like.ts'
import { type Guide, joinGuides } from '../guide.ts'
import type { GeneratedToken } from '../request.ts'
import type { TokenStream } from '../token-stream.ts'
import {
  type Choice,
  checkGenerate,
  checkPrompt,
  type GenerateOptions,
  type GenerationEvent,
  type Prompt,
  stopsOf,
} from './options.ts'
import { TextFollower } from './text-follower.ts'
import type { TextFormat } from './text-model.ts'
import { thinkingBudget } from './thinking-budget.ts'

/** A prompt as tokens. */
export interface PromptTokens {
  readonly ids: Int32Array
  /** The prompt opened a thought already. */
  readonly inside: boolean
}

/**
 * Writes a prompt as the model expects it: by its chat template, or the bare text with what the tokenizer puts around it.
 *
 * @throws R1Error `bad-argument`, `no-template` for a conversation with a model that has none, and what templates throw
 */
export async function promptTokens(
  { tokenizer, template }: TextFormat,
  prompt: Prompt,
  { raw, templateVariables, signal }: GenerateOptions = {},
): Promise<PromptTokens> {
  checkPrompt(prompt)
  const messages = typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt
  if (raw || !template) {
    // Without a template a conversation is its texts, one after the other.
    const text = typeof prompt === 'string' ? prompt : messages.map(({ content }) => content).join('\n\n')
    const ids = tokenizer.encode(text, { addSpecial: true })
    // The mark of an end is for texts that are over.
    return { ids: ids.at(-1) === tokenizer.special.eos && ids.length > 1 ? ids.slice(0, -1) : ids, inside: false }
  }
  const rendering = template.renderToTokens(tokenizer, {
    messages,
    ...(templateVariables && { variables: templateVariables }),
    ...(signal && { signal }),
  })
  const { ids, opensReasoning } = await rendering.catch((error: unknown) => {
    throw signal?.aborted ? new R1Error('aborted', 'Generating was aborted.', { cause: error }) : error
  })
  return { ids, inside: opensReasoning }
}

/** A text on its way: its tokens, and what turns them into text. */
export interface TextRun {
  readonly stream: TokenStream
  readonly follower: TextFollower
}

/** Asks the engine for a text. @param seed instead of the one in the options */
export function startText(
  engine: Pick<EngineLike, 'generate'>,
  model: TextFormat,
  { ids, inside }: PromptTokens,
  options: GenerateOptions,
  index = 0,
  guides: readonly Guide[] = [],
): TextRun {
  checkGenerate(options)
  const follower = new TextFollower(model.tokenizer, { stops: stopsOf(options.stop), inside })
  const budget = options.thinkingBudget
  const limits = budget === undefined ? [] : [thinkingBudget(model.tokenizer, budget, inside)]
  const { maxNewTokens, logProbabilities, lookup, priority, salt, signal } = options
  const stream = engine.generate({
    prompt: ids,
    maxNewTokens,
    logProbabilities,
    lookup,
    priority,
    salt,
    signal,
    stopIds: model.stopIds,
    sampling: samplingOf(model, options, index),
    guide: joinGuides([follower, ...limits, ...guides]),
  })
  return { stream, follower }
}

/** What the user says goes before what the checkpoint recommends; every choice has random numbers of its own. */
function samplingOf({ sampling }: TextFormat, options: GenerateOptions, index: number) {
  const { temperature, topK, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty, logitBias, seed } =
    options
  return {
    // A temperature of the user's own leaves out what was recommended with another one.
    temperature: temperature ?? sampling.temperature,
    topK: topK ?? (temperature === undefined ? sampling.topK : undefined),
    topP: topP ?? (temperature === undefined ? sampling.topP : undefined),
    minP: minP ?? (temperature === undefined ? sampling.minP : undefined),
    repetitionPenalty: repetitionPenalty ?? sampling.repetitionPenalty,
    presencePenalty,
    frequencyPenalty,
    logitBias,
    seed: seed === undefined || index === 0 ? seed : randomWord(seed, index),
  }
}

/** The events of a text as its tokens come. */
export async function* textEvents({ stream, follower }: TextRun): AsyncGenerator<GenerationEvent> {
  for await (const _ of stream) yield* follower.take()
  yield* follower.end()
  const { reason, usage } = await stream.finish
  yield { type: 'finish', reason, usage: { ...usage, reasoningTokens: follower.reasoningTokens } }
}

/** The whole text. */
export async function textOf({ stream, follower }: TextRun): Promise<Choice> {
  const tokens: GeneratedToken[] = []
  for await (const token of stream) tokens.push(token)
  const { reason, usage } = await stream.finish
  const events = follower.end()
  const joined = (wanted: string) =>
    events
      .filter(({ type }) => type === wanted)
      .map(({ delta }) => delta)
      .join('')
  const reasoning = joined('reasoning-delta')
  return {
    text: joined('text-delta'),
    reasoning: reasoning === '' ? undefined : reasoning,
    finishReason: reason,
    usage: { ...usage, reasoningTokens: follower.reasoningTokens },
    tokens,
  }
}
