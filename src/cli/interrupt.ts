import { R1Error } from '../errors.ts'

/**
 * Runs long work with a signal that the reader's Ctrl+C aborts. A second Ctrl+C ends the process at once, as usual.
 *
 * @throws R1Error `interrupted` is the signal's reason.
 */
export async function interruptible<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const controller = new AbortController()
  const interrupt = () => controller.abort(new R1Error('interrupted', 'Interrupted.'))
  process.once('SIGINT', interrupt)
  try {
    return await work(controller.signal)
  } finally {
    process.off('SIGINT', interrupt)
  }
}
