import { R1Error } from '../../errors.ts'

/** The R1Error that `action` throws or rejects with; anything else fails the test. */
export async function failure(action: () => unknown): Promise<R1Error> {
  try {
    await action()
  } catch (error) {
    if (error instanceof R1Error) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
