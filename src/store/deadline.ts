import { timedOut } from './failure.ts'

/**
 * Waits for work so long at most; then it is given up.
 *
 * @param giveUp stops the work, which nobody waits for any longer
 * @throws R1Error `store-timeout`
 */
export async function withDeadline<Result>(
  work: Promise<Result>,
  milliseconds: number,
  giveUp: () => void,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(timedOut())
      giveUp()
    }, milliseconds)
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    clearTimeout(timer)
    work.catch(() => undefined)
  }
}
