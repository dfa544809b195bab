import type { TextUsage } from '../../generate/index.ts'
import type { ChatToken } from '../chat/events.ts'
import type { ServeConfig } from '../config/schema.ts'
import type { TextEvent } from './answer-texts.ts'
import type { ChatAnswer, ChatBody } from './chat-schema.ts'

export const identifier = (prefix: string): string => `${prefix}-${crypto.randomUUID().replaceAll('-', '')}`

export const secondsNow = (): number => Math.floor(Date.now() / 1000)

/** What the server is, for clients that compare answers: the same models give the same texts. */
export const fingerprint = 'r1'

/** A thought under the names that the configuration picks. */
export function reasoningFields(
  { reasoningField }: Pick<ServeConfig, 'reasoningField'>,
  reasoning: string | undefined,
) {
  if (reasoning === undefined || reasoning === '') return {}
  return {
    ...(reasoningField !== 'reasoning' && { reasoning_content: reasoning }),
    ...(reasoningField !== 'reasoning_content' && { reasoning }),
  }
}

/** What several texts of one prompt took together: the prompt counts once. */
export function usageOf(usages: readonly TextUsage[]) {
  const sum = (value: (usage: TextUsage) => number) => usages.reduce((total, usage) => total + value(usage), 0)
  const prompt = usages[0]?.promptTokens ?? 0
  const cached = usages[0]?.cachedTokens ?? 0
  const completion = sum(({ newTokens }) => newTokens)
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: sum(({ reasoningTokens }) => reasoningTokens) },
    prompt_cache_hit_tokens: cached,
    prompt_cache_miss_tokens: prompt - cached,
  }
}

const encoder = new TextEncoder()

function logprobOf({ text, logProbability }: Omit<ChatToken, 'top'>) {
  // JSON knows no −∞: what cannot be is very unlikely.
  return { token: text, logprob: Math.max(logProbability, -9999), bytes: [...encoder.encode(text)] }
}

export function logprobsOf(tokens: readonly ChatToken[]) {
  return { content: tokens.map((token) => ({ ...logprobOf(token), top_logprobs: (token.top ?? []).map(logprobOf) })) }
}

/** Messages of a streamed answer: chunks as JSON, and `[DONE]`. */
export async function* chatChunks(
  texts: AsyncIterable<TextEvent>,
  config: ServeConfig,
  body: ChatBody,
): AsyncGenerator<string> {
  const head = { id: identifier('chatcmpl'), object: 'chat.completion.chunk', created: secondsNow() }
  const includeUsage = body.stream_options?.include_usage === true
  const usages: TextUsage[] = []
  let model = ''
  const chunk = (index: number, delta: object, finish: string | null = null, tokens?: readonly ChatToken[]) => {
    const logprobs = tokens ? logprobsOf(tokens) : null
    const choices = [{ index, delta, logprobs, finish_reason: finish }]
    return JSON.stringify({
      ...head,
      model,
      system_fingerprint: fingerprint,
      choices,
      ...(includeUsage && { usage: null }),
    })
  }
  for await (const { index, event } of texts) {
    switch (event.type) {
      case 'start':
        model = event.model
        yield chunk(index, { role: 'assistant', content: '' })
        break
      case 'reasoning-delta':
        yield chunk(index, reasoningFields(config, event.text), null, event.tokens)
        break
      case 'text-delta':
        yield chunk(index, { content: event.text }, null, event.tokens)
        break
      case 'tool-call-start': {
        const call = {
          index: event.index,
          id: event.id,
          type: 'function',
          function: { name: event.name, arguments: '' },
        }
        yield chunk(index, { tool_calls: [call] })
        break
      }
      case 'tool-call-delta':
        yield chunk(index, { tool_calls: [{ index: event.index, function: { arguments: event.arguments } }] })
        break
      case 'finish':
        usages.push(event.usage)
        yield chunk(index, {}, event.finishReason)
    }
  }
  if (includeUsage) {
    const usage = usageOf(usages)
    yield JSON.stringify({ ...head, model, system_fingerprint: fingerprint, choices: [], usage })
  }
  yield '[DONE]'
}

/** A text as it is put together. */
export interface GatheredText {
  reasoning: string
  text: string
  tokens: ChatToken[]
  calls: { id: string; type: 'function'; function: { name: string; arguments: string } }[]
  finishReason: 'stop' | 'length' | 'tool_calls'
  usage: TextUsage | undefined
}

/** Puts the texts of an answer together. */
export async function gather(texts: AsyncIterable<TextEvent>): Promise<{ model: string; choices: GatheredText[] }> {
  const choices: GatheredText[] = []
  let model = ''
  for await (const { index, event } of texts) {
    choices[index] ??= { reasoning: '', text: '', tokens: [], calls: [], finishReason: 'stop', usage: undefined }
    const choice = choices[index]
    switch (event.type) {
      case 'start':
        model = event.model
        break
      case 'reasoning-delta':
        choice.reasoning += event.text
        choice.tokens.push(...(event.tokens ?? []))
        break
      case 'text-delta':
        choice.text += event.text
        choice.tokens.push(...(event.tokens ?? []))
        break
      case 'tool-call-start':
        choice.calls.push({ id: event.id, type: 'function', function: { name: event.name, arguments: '' } })
        break
      case 'tool-call-delta': {
        const call = choice.calls[event.index]
        if (call) call.function.arguments += event.arguments
        break
      }
      case 'finish':
        choice.finishReason = event.finishReason
        choice.usage = event.usage
    }
  }
  return { model, choices }
}

/** The answer as one object. */
export async function wholeChat(
  texts: AsyncIterable<TextEvent>,
  config: ServeConfig,
  body: ChatBody,
): Promise<ChatAnswer> {
  const { model, choices } = await gather(texts)
  return {
    id: identifier('chatcmpl'),
    object: 'chat.completion',
    created: secondsNow(),
    model,
    choices: choices.map(({ reasoning, text, tokens, calls, finishReason }, index) => ({
      index,
      message: {
        role: 'assistant',
        content: calls.length > 0 && text === '' ? null : text,
        refusal: null,
        ...reasoningFields(config, reasoning),
        ...(calls.length > 0 && { tool_calls: calls }),
      },
      logprobs: body.logprobs ? logprobsOf(tokens) : null,
      finish_reason: finishReason,
    })),
    usage: usageOf(choices.flatMap(({ usage }) => usage ?? [])),
    system_fingerprint: fingerprint,
  }
}
