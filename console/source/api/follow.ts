import { apiKey, events } from './client.ts'
import { problemOf } from './problem.ts'

/** Milliseconds before a lost stream is asked for again. */
const pause = 2000

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

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
      const key = apiKey.get()
      try {
        for await (const event of events<T>(path, { signal })) onEvent(event)
      } catch (error) {
        const { status, retryAt = 0 } = problemOf(error)
        // What is not there, or not for us, will not come by asking again; with another key it may.
        if (status === 401) while (!signal.aborted && apiKey.get() === key) await wait(pause)
        else if (status === 429) await wait(Math.max(0, retryAt - Date.now()))
        else if (status >= 400 && status < 500) return
      }
      await wait(pause)
    }
  }
  void listen()
  return () => controller.abort()
}
