import { createRoute, z } from '@hono/zod-openapi'
import { R1Error } from '../../errors.ts'
import type { ChatRequest, ChatToken } from '../chat/events.ts'
import { streamText } from '../chat/stream-chat.ts'
import { fillInPrompt, textPrompt } from '../chat/text-prompt.ts'
import type { ServeApp, ServeContext } from '../context.ts'
import { BadRequest } from '../http/failure.ts'
import { answerTexts, type TextEvent } from './answer-texts.ts'
import { fingerprint, type GatheredText, gather, identifier, secondsNow, usageOf } from './chat-answer.ts'
import { constraintOf, samplingOf } from './chat-request.ts'
import { logprobsSchema, usageSchema } from './chat-schema.ts'
import { failures, optional, responseFormat, samplingFields, whole } from './fields.ts'

const tokens = z.array(whole(0, 2 ** 31)).min(1)
/** Texts or tokens; one prompt or several. */
export const promptSchema = z.union([
  z.string(),
  z.array(z.string()).min(1).max(32),
  tokens,
  z.array(tokens).min(1).max(32),
])

const body = z
  .object({
    ...samplingFields,
    prompt: promptSchema,
    /** Text after the place that is to be filled in. */
    suffix: optional(z.string()),
    max_tokens: optional(whole(1, 2 ** 31)),
    logprobs: optional(whole(0, 20)),
    echo: optional(z.boolean()),
    best_of: optional(whole(1, 8)),
    response_format: responseFormat,
  })
  .openapi('CompletionRequest')

type Body = z.output<typeof body>

const legacyLogprobs = z
  .object({
    tokens: z.array(z.string()),
    token_logprobs: z.array(z.number()),
    top_logprobs: z.array(z.record(z.string(), z.number())),
    text_offset: z.array(z.int()),
  })
  .nullable()

const answer = z
  .object({
    id: z.string(),
    object: z.literal('text_completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        text: z.string(),
        logprobs: z.union([legacyLogprobs, logprobsSchema]),
        finish_reason: z.enum(['stop', 'length', 'tool_calls']),
      }),
    ),
    usage: usageSchema,
    system_fingerprint: z.string(),
  })
  .openapi('Completion')

const route = createRoute({
  method: 'post',
  path: '/v1/completions',
  summary: 'Go on with a text, or fill in its middle',
  tags: ['Text'],
  request: { body: { required: true, content: { 'application/json': { schema: body } } } },
  responses: {
    200: {
      description: 'The text; with `stream: true` as server-sent events.',
      content: { 'application/json': { schema: answer }, 'text/event-stream': { schema: {} } },
    },
    ...failures,
  },
})

/** Prompts as a list: one text, several, the tokens of one, or of several. */
export function promptsOf(prompt: z.output<typeof promptSchema>): readonly (string | readonly number[])[] {
  if (typeof prompt === 'string') return [prompt]
  return typeof prompt[0] === 'number' ? [prompt as number[]] : (prompt as (string | number[])[])
}

/** `/v1/completions`. */
export function completionRoutes(app: ServeApp, context: ServeContext): void {
  app.openapi(route, async (c) => {
    const given = c.req.valid('json')
    const request = requestOf(given)
    const prompts = promptsOf(given.prompt)
    const n = given.n ?? 1
    if (prompts.length * n > 32) throw new BadRequest('prompts × n is more than 32.', 'n', 'Ask several times.')
    const size = (prompt: string | readonly number[]) =>
      typeof prompt === 'string' ? prompt.length + (given.suffix?.length ?? 0) : prompt.length * 4
    return answerTexts(c, context, {
      count: prompts.length * n,
      stream: given.stream ?? false,
      start(index, signal) {
        const prompt = prompts[Math.floor(index / n)] as string | readonly number[]
        const options = { signal, caller: c.var.caller, arrivedAt: c.var.arrivedAt }
        return streamText(context, { ...request, index: index % n }, size(prompt), options, async (served) => ({
          ids: given.suffix === undefined ? textPrompt(served, prompt) : fillInPrompt(served, prompt, given.suffix),
          inside: false,
          chats: false,
        }))
      },
      chunks: (texts) => chunksOf(texts, given),
      whole: (texts) => wholeOf(texts, given, n),
    })
  })
}

function requestOf(given: Body): ChatRequest {
  if (given.best_of !== undefined && given.best_of !== (given.n ?? 1)) {
    throw new R1Error('bad-option', 'best_of cannot differ from n.', { remedy: 'Leave it out.' })
  }
  if (given.echo && (given.logprobs !== undefined || typeof promptsOf(given.prompt)[0] !== 'string' || given.stream)) {
    throw new R1Error('bad-option', 'echo goes with texts only, without logprobs and stream.', {
      remedy: 'Leave it out.',
    })
  }
  return {
    ...samplingOf(given),
    ...constraintOf(given),
    messages: [],
    maxNewTokens: given.max_tokens ?? 16,
    probabilities: given.logprobs,
    salt: given.cache_salt,
  }
}

/** Log-probabilities in the form of this older API. */
function legacyOf(list: readonly ChatToken[], offset = 0) {
  let at = offset
  return {
    tokens: list.map(({ text }) => text),
    token_logprobs: list.map(({ logProbability }) => Math.max(logProbability, -9999)),
    top_logprobs: list.map(({ top = [] }) =>
      Object.fromEntries(top.map(({ text, logProbability }) => [text, Math.max(logProbability, -9999)])),
    ),
    text_offset: list.map(({ text }) => {
      at += text.length
      return at - text.length
    }),
  }
}

async function* chunksOf(texts: AsyncIterable<TextEvent>, given: Body): AsyncGenerator<string> {
  const head = { id: identifier('cmpl'), object: 'text_completion', created: secondsNow() }
  const usages = []
  let model = ''
  const offsets: number[] = []
  for await (const { index, event } of texts) {
    if (event.type === 'start') model = event.model
    if (event.type === 'text-delta') {
      const logprobs = given.logprobs === undefined ? null : legacyOf(event.tokens ?? [], offsets[index])
      offsets[index] = (offsets[index] ?? 0) + event.text.length
      const choices = [{ index, text: event.text, logprobs, finish_reason: null }]
      yield JSON.stringify({ ...head, model, choices })
    }
    if (event.type === 'finish') {
      usages.push(event.usage)
      const choices = [{ index, text: '', logprobs: null, finish_reason: event.finishReason }]
      yield JSON.stringify({ ...head, model, choices })
    }
  }
  if (given.stream_options?.include_usage) {
    yield JSON.stringify({ ...head, model, choices: [], usage: usageOf(usages) })
  }
  yield '[DONE]'
}

async function wholeOf(texts: AsyncIterable<TextEvent>, given: Body, n: number): Promise<z.output<typeof answer>> {
  const { model, choices } = await gather(texts)
  const prompts = promptsOf(given.prompt)
  const first = (index: number): string => (given.echo ? String(prompts[Math.floor(index / n)]) : '')
  return {
    id: identifier('cmpl'),
    object: 'text_completion',
    created: secondsNow(),
    model,
    choices: choices.map(({ text, tokens: list, finishReason }, index) => ({
      index,
      text: first(index) + text,
      logprobs: given.logprobs === undefined ? null : legacyOf(list),
      finish_reason: finishReason,
    })),
    usage: totalUsage(choices, n),
    system_fingerprint: fingerprint,
  }
}

/** Usage over all prompts: each prompt counts once, whatever n is. */
function totalUsage(choices: readonly GatheredText[], n: number) {
  const parts = Array.from({ length: Math.ceil(choices.length / n) }, (_, prompt) =>
    usageOf(choices.slice(prompt * n, (prompt + 1) * n).flatMap(({ usage }) => usage ?? [])),
  )
  const sum = (value: (usage: ReturnType<typeof usageOf>) => number) =>
    parts.reduce((all, part) => all + value(part), 0)
  return {
    prompt_tokens: sum((usage) => usage.prompt_tokens),
    completion_tokens: sum((usage) => usage.completion_tokens),
    total_tokens: sum((usage) => usage.total_tokens),
    prompt_tokens_details: { cached_tokens: sum((usage) => usage.prompt_cache_hit_tokens) },
    completion_tokens_details: { reasoning_tokens: 0 },
    prompt_cache_hit_tokens: sum((usage) => usage.prompt_cache_hit_tokens),
    prompt_cache_miss_tokens: sum((usage) => usage.prompt_cache_miss_tokens),
  }
}
