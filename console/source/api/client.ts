import { eventData } from './events.ts'
import { type Problem, RequestError, refusalOf } from './problem.ts'

const keyName = 'r1-key'

/** The key of this browser, sent with each request. */
export const apiKey = {
  get: (): string | undefined => localStorage.getItem(keyName) ?? undefined,
  set: (key: string | undefined): void => {
    if (key) localStorage.setItem(keyName, key)
    else localStorage.removeItem(keyName)
  },
}

const listeners = new Set<(error: RequestError) => void>()

/** Hears of each request that failed: the shell shows a lost server and asks for a missing key. */
export function onRequestError(listener: (error: RequestError) => void): void {
  listeners.add(listener)
}

function failed(problem: Problem): RequestError {
  const error = new RequestError(problem)
  for (const listener of listeners) listener(error)
  return error
}

const unreachable: Problem = { message: '', status: 0 }

interface RequestOptions {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  body?: unknown
  signal?: AbortSignal | undefined
}

async function send(path: string, { method = 'GET', body, signal }: RequestOptions): Promise<Response> {
  const headers = new Headers()
  const key = apiKey.get()
  if (key) headers.set('Authorization', `Bearer ${key}`)
  if (body !== undefined) headers.set('Content-Type', 'application/json')
  let response: Response
  try {
    response = await fetch(new URL(`api/${path}`, document.baseURI), {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw failed(unreachable)
  }
  if (!response.ok) throw failed(refusalOf(response, await response.text().catch(() => '')))
  return response
}

/**
 * Asks the server.
 *
 * @param path below `/api/`, parts already encoded
 * @throws RequestError
 */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const response = await send(path, options)
  const text = await response.text()
  return (text === '' ? undefined : JSON.parse(text)) as T
}

/** The events of a request, as they come; ends with the stream or the signal. */
export async function* events<T>(path: string, options: RequestOptions = {}): AsyncGenerator<T, void, void> {
  const response = await send(path, options)
  if (!response.body) return
  try {
    for await (const data of eventData(response.body)) {
      if (data !== '[DONE]') yield JSON.parse(data) as T
    }
  } catch (error) {
    if (options.signal?.aborted || error instanceof SyntaxError) throw error
    throw failed({ ...unreachable, code: 'connection_lost' })
  }
}

/** Path of parts and parameters; absent parameters are left out. */
export function pathOf(parts: readonly string[], query: Record<string, string | number | undefined> = {}): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value))
  const text = parameters.toString()
  return parts.map(encodeURIComponent).join('/') + (text ? `?${text}` : '')
}
