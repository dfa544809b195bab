import { eventData } from './events.ts'

/** A request that failed: what the server said, or that it was not there. */
export class RequestError extends Error {
  override readonly name = 'RequestError'

  readonly status: number

  /** @param status of HTTP; 0 where the server could not be reached */
  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

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

function failed(message: string, status: number): RequestError {
  const error = new RequestError(message, status)
  for (const listener of listeners) listener(error)
  return error
}

async function messageOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => '')
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } }
    if (typeof error?.message === 'string') return error.message
  } catch {
    // A proxy in between may answer with something else than JSON.
  }
  return `${response.status} ${response.statusText}`.trim()
}

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
    throw failed('', 0)
  }
  if (!response.ok) throw failed(await messageOf(response), response.status)
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
    throw failed('', 0)
  }
}

/** Path of parts and parameters; absent parameters are left out. */
export function pathOf(parts: readonly string[], query: Record<string, string | number | undefined> = {}): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value))
  const text = parameters.toString()
  return parts.map(encodeURIComponent).join('/') + (text ? `?${text}` : '')
}
