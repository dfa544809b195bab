import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { R1Error } from '../../errors.ts'

/** What is wrong with a request, in the words of OpenAI's API. */
export interface Failure {
  readonly status: ContentfulStatusCode
  /** Seconds after which another try makes sense. */
  readonly retryAfter?: number
  readonly body: {
    readonly error: {
      readonly message: string
      readonly type: string
      readonly code: string
      readonly param: string | null
    }
  }
}

/** Statuses of the package's errors; what a request can cause and is not named here is a 400. */
const statuses: Readonly<Record<string, ContentfulStatusCode>> = {
  'no-key': 401,
  'bad-key': 401,
  forbidden: 403,
  'bad-host': 403,
  'model-not-found': 404,
  'not-found': 404,
  'body-timeout': 408,
  conflict: 409,
  'body-too-large': 413,
  'bad-media-type': 415,
  'rate-limited': 429,
  'queue-full': 429,
  aborted: 499 as ContentfulStatusCode,
  'not-supported': 501,
  overloaded: 503,
  draining: 503,
  'engine-died': 503,
  'engine-failed': 503,
  disposed: 503,
  'out-of-memory': 503,
  'store-unavailable': 503,
  'store-timeout': 503,
  'disk-full': 507,
}

/** Errors that a request itself is to blame for. */
const badRequests: ReadonlySet<string> = new Set([
  'bad-request',
  'bad-option',
  'bad-argument',
  'bad-token',
  'bad-value',
  'bad-constraint',
  'bad-template',
  'context-too-long',
  'empty-prompt',
  'no-cache',
  'no-fill-in',
  'no-template',
  'not-embeddable',
  'template-failed',
  'template-refused',
  'template-timeout',
  'template-too-large',
  'token-out-of-range',
  'unsupported-content',
])

const types: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  503: 'overloaded_error',
}

/** Codes that clients know under another name. */
const codes: Readonly<Record<string, string>> = {
  'context-too-long': 'context_length_exceeded',
  'model-not-found': 'model_not_found',
  'bad-key': 'invalid_api_key',
  'rate-limited': 'rate_limit_exceeded',
}

/** An error of the request that names the field. */
export class BadRequest extends R1Error {
  readonly param: string | null

  constructor(message: string, param: string | null = null, remedy?: string) {
    super('bad-request', message, remedy === undefined ? {} : { remedy })
    this.param = param
  }
}

/** An error that tells when to try again. */
export class RetryLater extends R1Error {
  readonly seconds: number

  constructor(code: 'rate-limited' | 'overloaded', message: string, seconds: number) {
    super(code, message, { remedy: `Try again in ${seconds} s.` })
    this.seconds = seconds
  }
}

/** Any error as an answer. Of what is nobody's business the answer only says that it happened. */
export function failureOf(error: unknown): Failure {
  if (error instanceof HTTPException)
    return failure(error.status, error.message || 'The request failed.', 'bad_request')
  if (!R1Error.isInstance(error)) {
    return failure(500, 'The server failed at this request; its log says why.', 'internal_error')
  }
  const status = statuses[error.code] ?? (badRequests.has(error.code) ? 400 : 500)
  const code = codes[error.code] ?? error.code.replaceAll('-', '_')
  const param = error instanceof BadRequest ? error.param : null
  const retryAfter = error instanceof RetryLater ? error.seconds : status === 429 || status === 503 ? 1 : undefined
  return { ...failure(status, error.message, code, param), ...(retryAfter !== undefined && { retryAfter }) }
}

function failure(status: number, message: string, code: string, param: string | null = null): Failure {
  const type = types[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error')
  return { status: status as ContentfulStatusCode, body: { error: { message, type, code, param } } }
}

/** The answer for an error. */
export function failureResponse(error: unknown): Response {
  const { status, retryAfter, body } = failureOf(error)
  const headers = new Headers({ 'content-type': 'application/json' })
  if (retryAfter !== undefined) headers.set('retry-after', String(Math.ceil(retryAfter)))
  // The rest of a body that is too large is not read: whoever sends it must not use the connection again.
  if (status === 413) headers.set('connection', 'close')
  return new Response(JSON.stringify(body), { status, headers })
}
