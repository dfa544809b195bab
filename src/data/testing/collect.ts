import { R1Error } from '../../errors.ts'

/** All items of a stream. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = []
  for await (const item of items) collected.push(item)
  return collected
}

/** The error of this package that something fails with. */
export async function failureOf(run: () => unknown): Promise<R1Error> {
  try {
    await run()
  } catch (error) {
    if (R1Error.isInstance(error)) return error
    throw error
  }
  throw new Error('nothing failed')
}
