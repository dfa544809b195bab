import { R1Error } from '../../errors.ts'

/** The error for an answer of the hub that is no success. */
export function hubAnswerFailure(status: number, what: string): R1Error {
  if (status === 401 || status === 403) {
    return new R1Error('hub-unauthorized', `The hub refuses ${what} (${status}).`, {
      remedy:
        'Check the name, accept the licence on its page if it has one, and set HF_TOKEN to a token that may read it.',
    })
  }
  if (status === 404) {
    return new R1Error('hub-not-found', `The hub has no ${what}.`, { remedy: 'Check the name and the revision.' })
  }
  if (status === 429) {
    return new R1Error('hub-busy', `The hub asks for patience at ${what} (429).`, { remedy: 'Wait some minutes.' })
  }
  return new R1Error('hub-unavailable', `The hub fails at ${what} (${status}).`, { remedy: 'Try again later.' })
}

/** Turns whatever a request threw into an error of this package. */
export function hubFailure(error: unknown, what: string): unknown {
  if (R1Error.isInstance(error)) return error
  const status = statusOf(error)
  if (status !== undefined) return hubAnswerFailure(status, what)
  if (error instanceof Error && error.name === 'AbortError') return error
  return new R1Error('hub-unreachable', `The hub cannot be reached for ${what}.`, {
    remedy: 'Check the network and HF_ENDPOINT, or set HF_HUB_OFFLINE=1 to use what is in the cache.',
    cause: error,
  })
}

/** The status that the hub answered with, where an error of its library tells one. */
function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' ? status : undefined
}
