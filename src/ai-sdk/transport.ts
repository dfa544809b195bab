import { APICallError } from '@ai-sdk/provider'
import type { DeepSeekR1ProviderSettings } from './provider.ts'

/** What goes with one request. */
export interface Sending {
  readonly abortSignal?: AbortSignal | undefined
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
}

/** Statuses after which the same request may succeed. */
const retryable = new Set([408, 409, 429, 500, 502, 503, 504])

/** Speaks HTTP with a server, and tells its errors as the AI SDK knows them. */
export class Transport {
  private readonly settings: DeepSeekR1ProviderSettings

  constructor(settings: DeepSeekR1ProviderSettings) {
    this.settings = settings
  }

  /** @throws APICallError where the server refuses or cannot be reached */
  async post(path: string, body: object, { abortSignal, headers }: Sending): Promise<Response> {
    const { baseURL = process.env.R1_BASE_URL ?? 'http://127.0.0.1:8000/v1', apiKey = process.env.R1_API_KEY } =
      this.settings
    const url = `${baseURL.replace(/\/$/, '')}${path}`
    const given = Object.entries({ ...this.settings.headers, ...headers }).filter(([, value]) => value !== undefined)
    const request = this.settings.fetch ?? fetch
    const response = await request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
        ...(Object.fromEntries(given) as Record<string, string>),
      },
      body: JSON.stringify(body),
      ...(abortSignal && { signal: abortSignal }),
    }).catch((cause: unknown) => {
      if (abortSignal?.aborted) throw cause
      throw new APICallError({
        message: `Nothing answers at ${url}. Start the server with r1 serve.`,
        url,
        requestBodyValues: body,
        isRetryable: true,
        cause,
      })
    })
    if (response.ok) return response
    throw await refusal(response, url, body)
  }
}

async function refusal(response: Response, url: string, body: object): Promise<APICallError> {
  const text = await response.text()
  const { message, data } = errorOf(text)
  return new APICallError({
    message: message ?? `The server answered ${response.status}.`,
    url,
    requestBodyValues: body,
    statusCode: response.status,
    responseHeaders: Object.fromEntries(response.headers),
    responseBody: text,
    isRetryable: retryable.has(response.status),
    data,
  })
}

/** What the server says is wrong, where it says it in its own words. */
function errorOf(text: string): { message?: string; data?: unknown } {
  try {
    const data = JSON.parse(text) as { error?: { message?: string } }
    return { ...(data.error?.message !== undefined && { message: data.error.message }), data }
  } catch {
    return {}
  }
}
