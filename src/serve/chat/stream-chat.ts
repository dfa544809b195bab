import { R1Error } from '../../errors.ts'
import type { ServeContext } from '../context.ts'
import type { Ticket } from '../http/admission.ts'
import type { ServedModel } from '../models/served-model.ts'
import { traceText } from '../observe/tracing.ts'
import type { ChatEvent, ChatRequest } from './events.ts'
import { chatPrompt } from './prompt.ts'
import { startRun, type TextSource } from './run-chat.ts'

export interface StreamOptions {
  readonly signal?: AbortSignal | undefined
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
  { signal, arrivedAt = performance.now() }: StreamOptions,
  sourceOf: (served: ServedModel) => Promise<TextSource>,
): AsyncGenerator<ChatEvent> {
  using ticket = context.admission.enter(Math.ceil(characters / 4))
  using lease = await context.pool.acquire(request.model, signal)
  const { served } = lease
  const span = traceText(served.id)
  try {
    const source = await sourceOf(served)
    ticket.resize(source.ids.length)
    const { maxTokens } = context.config
    const limited = { ...request, maxNewTokens: request.maxNewTokens ?? maxTokens }
    const run = await startRun(served, limited, source, signal)
    const begun = performance.now() - arrivedAt
    try {
      yield { type: 'start', model: served.id, promptTokens: run.promptTokens }
      for await (const event of startedAt(run.events(), ticket)) {
        if (event.type === 'finish') {
          const { usage } = event
          const times = {
            ...usage,
            queuedMs: begun + usage.queuedMs,
            firstTokenMs: begun + usage.firstTokenMs,
            totalMs: begun + usage.totalMs,
          }
          context.metrics.finished(served.id, event.finishReason, times)
          span.finish(event.finishReason, times)
        }
        yield event
      }
    } finally {
      run.cancel()
    }
  } catch (error) {
    const code = signal?.aborted ? 'aborted' : R1Error.isInstance(error) ? error.code : 'unexpected'
    context.metrics.failed(request.model !== undefined && context.pool.has(request.model) ? request.model : '', code)
    span.fail(code)
    throw error
  } finally {
    span.end()
  }
}

/** Tells the ticket that the prompt no longer waits, with the first event. */
async function* startedAt(events: AsyncIterable<ChatEvent>, ticket: Ticket): AsyncGenerator<ChatEvent> {
  for await (const event of events) {
    ticket.started()
    yield event
  }
}
