import { R1Error } from '../../errors.ts'
import type { Caller, ServeContext } from '../context.ts'
import type { ServedModel } from '../models/served-model.ts'
import type { TextTimes } from '../observe/metrics.ts'
import { traceText } from '../observe/tracing.ts'
import type { ChatEvent, ChatRequest } from './events.ts'
import { chatPrompt } from './prompt.ts'
import { startRun, type TextSource } from './run-chat.ts'

export interface StreamOptions {
  readonly signal?: AbortSignal | undefined
  /** For whom: the usage is theirs, and nobody else's prompts are shared with. */
  readonly caller?: Caller | undefined
  /** When the request arrived, on the clock of `performance.now()`; now without it. */
  readonly arrivedAt?: number | undefined
}

/**
 * The answer to a conversation as it comes: let in, rendered, generated, parsed and counted. The API and the console both
 * come through here. Leaving the loop, or the signal, stops the engine and gives everything back.
 *
 * @throws R1Error what is wrong with the request, and `overloaded`, `queue-full`, `aborted`, `engine-failed`
 */
export function streamChat(
  context: ServeContext,
  request: ChatRequest,
  options: StreamOptions = {},
): AsyncGenerator<ChatEvent> {
  const size = request.messages.reduce((sum, message) => sum + JSON.stringify(message).length, 0)
  return streamText(context, request, size, options, async (served) => ({
    ...(await chatPrompt(served, request, options.signal)),
    chats: true,
  }))
}

/**
 * Any text as it comes.
 *
 * @param characters of the prompt, by which it is let in before it is tokenised
 * @param sourceOf makes the prompt, once there is room and a model
 */
export async function* streamText(
  context: ServeContext,
  request: ChatRequest,
  characters: number,
  { signal, caller, arrivedAt = performance.now() }: StreamOptions,
  sourceOf: (served: ServedModel) => Promise<TextSource>,
): AsyncGenerator<ChatEvent> {
  using ticket = context.admission.enter(Math.ceil(characters / 4))
  using lease = await context.pool.acquire(request.model, signal)
  const { served } = lease
  const span = traceText(served.id)
  let outcome = 'aborted'
  try {
    const source = await sourceOf(served)
    ticket.resize(source.ids.length)
    const run = await startRun(served, limited(context, request, caller), source, signal)
    const begun = performance.now() - arrivedAt
    try {
      yield { type: 'start', model: served.id, promptTokens: run.promptTokens }
      for await (const event of run.events()) {
        // With the first event the prompt no longer waits.
        ticket.started()
        if (event.type === 'finish') {
          outcome = 'finished'
          span.finish(event.finishReason, record(context, served.id, event, begun, caller))
        }
        yield event
      }
    } finally {
      run.cancel()
    }
  } catch (error) {
    if (!signal?.aborted) outcome = R1Error.isInstance(error) ? error.code : 'unexpected'
    throw error
  } finally {
    if (outcome !== 'finished') {
      context.metrics.failed(served.id, outcome)
      span.fail(outcome)
    }
    span.end()
  }
}

/** The request within what the server allows; its cache is shared with the same caller's prompts only. */
function limited({ config }: ServeContext, request: ChatRequest, caller: Caller | undefined): ChatRequest {
  const salt = JSON.stringify([caller?.salt ?? '', request.salt ?? ''])
  return { ...request, maxNewTokens: request.maxNewTokens ?? config.maxTokens, salt }
}

/** Writes down what a text took. @param begun milliseconds from its arrival to the engine */
function record(
  context: ServeContext,
  model: string,
  { finishReason, usage }: Extract<ChatEvent, { type: 'finish' }>,
  begun: number,
  caller: Caller | undefined,
): TextTimes {
  const times = {
    ...usage,
    queuedMs: begun + usage.queuedMs,
    firstTokenMs: begun + usage.firstTokenMs,
    totalMs: begun + usage.totalMs,
  }
  context.metrics.finished(model, finishReason, times)
  if (caller?.key !== undefined) context.limits.charge(caller.key, usage.promptTokens + usage.newTokens)
  context.usage.add({
    user: caller?.user ?? 'local',
    key: caller?.key,
    model,
    promptTokens: usage.promptTokens,
    completionTokens: usage.newTokens,
    cachedTokens: usage.cachedTokens,
    reasoningTokens: usage.reasoningTokens,
  })
  return times
}
