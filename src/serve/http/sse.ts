import { R1Error } from '../../errors.ts'

const encoder = new TextEncoder()

export interface EventStreamOptions {
  /** Milliseconds of silence after which a comment keeps the connection open. */
  readonly keepAliveMs: number
  /** Milliseconds for which a reader may take nothing before it is cut off. */
  readonly stallMs: number
  /** Called once when the stream is over, however it ended. */
  readonly onEnd?: () => void
  /** What is sent as the last message where the source throws. */
  readonly onError: (error: unknown) => string
}

/** A message of a stream: its data, or its type as well, where clients tell messages apart by it. */
export type StreamMessage = string | { readonly event: string; readonly data: string }

function frame(message: StreamMessage): string {
  return typeof message === 'string'
    ? `data: ${message}

`
    : `event: ${message.event}
data: ${message.data}

`
}

/**
 * A response of server-sent events. The source is asked for more only when the reader has taken what there was; when the
 * reader goes, or takes nothing for too long, the source is left.
 *
 * @param source the messages; their data has no line breaks
 * @param stop told when nobody reads any more, so that the source wakes up where it waits
 */
export function eventStream(
  source: AsyncIterable<StreamMessage>,
  stop: (reason: unknown) => void,
  { keepAliveMs, stallMs, onEnd, onError }: EventStreamOptions,
): Response {
  const iterator = source[Symbol.asyncIterator]()
  let next: Promise<IteratorResult<StreamMessage>> | undefined
  let controller: ReadableStreamDefaultController<Uint8Array>
  const send = (text: string) => controller.enqueue(encoder.encode(text))
  let isOver = false
  /** The reader has taken all there was, and the source is asked for more. */
  const isWaiting = () => next !== undefined && (controller.desiredSize ?? 0) > 0
  // Two timers for the whole stream and not for each message: there are thousands of messages a second.
  const keepAlive = setInterval(() => {
    if (!isWaiting()) return
    send(': keep-alive\n\n')
    stall.refresh()
  }, keepAliveMs)
  const stall = setTimeout(() => {
    if (isWaiting()) {
      stall.refresh()
      return
    }
    const reason = new R1Error('stalled', 'The reader of a stream took nothing for too long.')
    void leave(reason)
    controller.error(reason)
  }, stallMs)
  const end = () => {
    isOver = true
    clearInterval(keepAlive)
    clearTimeout(stall)
    onEnd?.()
  }
  const leave = async (reason: unknown) => {
    isOver = true
    stop(reason)
    // What the source throws on its way out concerns nobody any more.
    await next?.catch(() => undefined)
    await iterator.return?.()?.catch(() => undefined)
    end()
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given
      },
      async pull() {
        try {
          next = iterator.next()
          const { done, value } = await next
          next = undefined
          if (isOver) return
          if (!done) {
            send(frame(value))
            keepAlive.refresh()
            stall.refresh()
            return
          }
        } catch (error) {
          next = undefined
          if (isOver) return
          send(frame(onError(error)))
        }
        end()
        controller.close()
      },
      cancel: leave,
    },
    // One message ahead of the reader, so that the next one is made while it is sent.
    { highWaterMark: 1 },
  )
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    },
  })
}
