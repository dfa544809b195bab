/**
 * Runs work that says how far it is. The last message stands on one line of standard error while a person watches,
 * and is gone afterwards; without a terminal nothing is written.
 */
export async function withProgress<Result>(
  work: (progress: (message: string) => void) => Promise<Result>,
): Promise<Result> {
  const { isTTY, columns } = process.stderr
  const clear = '\r\u001b[2K'
  try {
    return await work((message) => {
      if (isTTY) process.stderr.write(clear + message.slice(0, columns - 1))
    })
  } finally {
    if (isTTY) process.stderr.write(clear)
  }
}
