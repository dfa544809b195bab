import { events, RequestError } from './client.ts'

/** Milliseconds before a lost stream is asked for again. */
const pause = 2000

/**
 * Hears the events of a path for as long as the reader stays; a stream that ends or breaks is opened again.
 *
 * @returns what ends it
 */
export function follow<T>(path: string, onEvent: (event: T) => void, onReopen?: () => void): () => void {
  const controller = new AbortController()
  const { signal } = controller
  const listen = async () => {
    for (let opened = false; !signal.aborted; opened = true) {
      if (opened) onReopen?.()
      try {
        for await (const event of events<T>(path, { signal })) onEvent(event)
      } catch (error) {
        // What is not there, or not for us, will not come by asking again.
        if (error instanceof RequestError && error.status >= 400 && error.status < 500) return
      }
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
  void listen()
  return () => controller.abort()
}
