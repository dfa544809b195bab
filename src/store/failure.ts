import { R1Error } from '../errors.ts'

/** What drivers tell of a failure; `code` is an SQLSTATE of five characters or a code of the connection. */
export interface DriverFailure {
  readonly code?: string | undefined
  readonly message: string
  readonly constraint?: string | undefined
}

/** SQLSTATEs of a server that is starting, stopping, full or gone, and of work that it asks to be tried again. */
const passing = /^(08|57P0|53300|25006|40001|40P01|XX000$)/

/**
 * The error of this package for one of a driver. Messages of PostgreSQL name columns and constraints but hold no values;
 * its details do, so they are left out.
 */
export function databaseFailure(failure: DriverFailure): R1Error {
  const { code = '', message, constraint } = failure
  const cause = new Error(code ? `${code}: ${message}` : message)
  if (!/^[0-9A-Z]{5}$/.test(code) || passing.test(code)) return unavailable(cause)
  switch (code) {
    case '23503':
      return new R1Error('not-found', missingBy(constraint), { cause })
    case '23505':
      return new R1Error('conflict', 'There is something else of this id.', { remedy: 'Take another id.', cause })
    case '53100':
      return diskFull(cause)
    case '57014':
      return timedOut(cause)
    default:
      if (/^(22|54)/.test(code)) return new R1Error('bad-value', 'The database cannot keep a value.', { cause })
      return new R1Error('store-failure', `The database refused a statement (${code}).`, { cause })
  }
}

function missingBy(constraint: string | undefined): string {
  return constraint === 'messages_parent' ? 'The parent is no message of this conversation.' : 'No such conversation.'
}

export function diskFull(cause: unknown): R1Error {
  return new R1Error('disk-full', 'The disk of the database is full.', { remedy: 'Make room on it.', cause })
}

export function unavailable(cause: unknown): R1Error {
  return new R1Error('store-unavailable', 'The database cannot be reached.', {
    remedy: 'Try again in a few seconds; if it stays so, look whether it runs.',
    cause,
  })
}

export function timedOut(cause?: unknown): R1Error {
  return new R1Error('store-timeout', 'The database took too long.', {
    remedy: 'Try again, or ask for less at once.',
    cause,
  })
}

/** The error that a library has wrapped. */
export function unwrapped(error: unknown): unknown {
  return error instanceof Error && R1Error.isInstance(error.cause) && !R1Error.isInstance(error) ? error.cause : error
}
