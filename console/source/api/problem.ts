/** Why something did not work. */
export interface Problem {
  /** In the server's words; empty where it said none. */
  readonly message: string
  /** Status of HTTP, 200 where an answer broke off after it had begun; 0 where the server could not be reached, or was lost. */
  readonly status: number
  /** The server's name for it, such as `disk_full`. */
  readonly code?: string
  /** When another try makes sense, on the clock of `Date.now()`. */
  readonly retryAt?: number
}

/** A request that failed: what the server said, or that it was not there. */
export class RequestError extends Error {
  override readonly name = 'RequestError'

  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.message)
    this.problem = problem
  }

  get status(): number {
    return this.problem.status
  }
}

/** What is not the server's fault is shown as it is: nothing fails in silence. */
export function problemOf(error: unknown): Problem {
  return error instanceof RequestError ? error.problem : { message: String(error), status: -1 }
}

/**
 * What a refusal says, in the shape of OpenAI's errors or in any other.
 *
 * @param text the answer's body
 */
export function refusalOf({ status, statusText, headers }: Response, text: string, now = Date.now()): Problem {
  // Seconds; the other form, a date, is no server's of ours.
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  const again = Number.isFinite(seconds) ? { retryAt: now + seconds * 1000 } : {}
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown; code?: unknown } }
    if (typeof error?.message === 'string') {
      return { message: error.message, status, ...again, ...(typeof error.code === 'string' && { code: error.code }) }
    }
  } catch {
    // A proxy in between may answer with something else than JSON.
  }
  return { message: `${status} ${statusText}`.trim(), status, ...again }
}
