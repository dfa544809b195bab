import { setMaxListeners } from 'node:events'
import type { Context } from 'hono'
import type { ChatEvent } from '../chat/events.ts'
import type { ServeContext, ServeEnv } from '../context.ts'
import { failureOf } from '../http/failure.ts'
import { eventStream, type StreamMessage } from '../http/sse.ts'

/** An event of one of the texts of an answer. */
export interface TextEvent {
  readonly index: number
  readonly event: ChatEvent
}

/** What is answered, whichever route asks. */
export interface Answering {
  /** How many texts. */
  readonly count: number
  readonly stream: boolean
  start(index: number, signal: AbortSignal): AsyncGenerator<ChatEvent>
  /** Messages of the stream. */
  chunks(texts: AsyncIterable<TextEvent>): AsyncIterable<StreamMessage>
  /** The whole answer. */
  whole(texts: AsyncIterable<TextEvent>): Promise<object>
}

/**
 * Answers with one or several texts, streamed or whole. What is wrong with the request is known before the first byte is
 * sent; when the client goes, the work stops.
 */
export async function answerTexts(c: Context<ServeEnv>, { config, log }: ServeContext, answering: Answering) {
  const { count, stream, start, chunks, whole } = answering
  const controller = new AbortController()
  // Each text listens, and there may be many.
  setMaxListeners(0, controller.signal)
  const { signal: gone } = c.req.raw
  const stop = () => controller.abort(gone.reason)
  if (gone.aborted) stop()
  gone.addEventListener('abort', stop, { once: true })
  const forget = () => gone.removeEventListener('abort', stop)
  const texts = Array.from({ length: count }, (_, index) => start(index, controller.signal))
  try {
    const first = await firstOf(texts)
    const events = interleave(texts, first)
    if (!stream) {
      const answer = await whole(events)
      forget()
      return new Response(JSON.stringify(answer), { headers: { 'content-type': 'application/json' } })
    }
    return eventStream(chunks(events), (reason) => controller.abort(reason), {
      keepAliveMs: config.keepAliveSeconds * 1000,
      stallMs: config.stallSeconds * 1000,
      onEnd: forget,
      onError(error) {
        const { body, status } = failureOf(error)
        if (status >= 500) log.error({ err: error, requestId: c.var.requestId }, 'a stream broke off')
        return JSON.stringify(body)
      },
    })
  } catch (error) {
    controller.abort(error)
    forget()
    throw error
  }
}

/** Starts all texts. Where one cannot be begun the others are left. */
async function firstOf(texts: readonly AsyncGenerator<ChatEvent>[]): Promise<readonly IteratorResult<ChatEvent>[]> {
  const begun = await Promise.allSettled(texts.map((text) => text.next()))
  const failed = begun.find((result) => result.status === 'rejected')
  if (failed) {
    await Promise.allSettled(texts.map((text) => text.return(undefined)))
    throw failed.reason
  }
  return begun.map((result) => (result as PromiseFulfilledResult<IteratorResult<ChatEvent>>).value)
}

/** Events of all texts, as they come. */
function interleave(
  texts: readonly AsyncGenerator<ChatEvent>[],
  first: readonly IteratorResult<ChatEvent>[],
): AsyncGenerator<TextEvent> {
  const [text] = texts
  const [begun] = first
  return texts.length === 1 && text && begun ? alone(text, begun) : merged(texts, first)
}

/** Most answers are one text, which races with nobody. */
async function* alone(text: AsyncGenerator<ChatEvent>, first: IteratorResult<ChatEvent>): AsyncGenerator<TextEvent> {
  try {
    if (!first.done) yield { index: 0, event: first.value }
    for await (const event of text) yield { index: 0, event }
  } finally {
    await text.return(undefined)
  }
}

async function* merged(
  texts: readonly AsyncGenerator<ChatEvent>[],
  first: readonly IteratorResult<ChatEvent>[],
): AsyncGenerator<TextEvent> {
  const open = new Map<number, Promise<{ index: number; result: IteratorResult<ChatEvent> }>>()
  const ask = (index: number, result: Promise<IteratorResult<ChatEvent>>) =>
    open.set(
      index,
      result.then((found) => ({ index, result: found })),
    )
  try {
    for (const [index, result] of first.entries()) ask(index, Promise.resolve(result))
    while (open.size > 0) {
      const { index, result } = await Promise.race(open.values())
      open.delete(index)
      if (result.done) continue
      yield { index, event: result.value }
      ask(index, (texts[index] as AsyncGenerator<ChatEvent>).next())
    }
  } finally {
    await Promise.allSettled(texts.map((text) => text.return(undefined)))
  }
}
