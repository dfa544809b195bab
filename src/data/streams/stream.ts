/** A value that JSON holds: what the state of a stream is made of. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/**
 * Items one after another, in bounded memory, that know where they stand: the state taken before an item, given to a
 * stream made with the same options, leads to the identical item again, in this process or another.
 */
export abstract class Stream<T> implements AsyncIterable<T> {
  /** The next item; undefined at the end. */
  abstract next(): Promise<T | undefined>
  /** Where the stream stands: just before the item that `next` would give. */
  abstract state(): Json
  /** Goes to a place that `state` named. @throws R1Error `bad-state`, `data-changed` */
  abstract restore(state: Json): Promise<void>

  /** Frees what the stream holds open. */
  async close(): Promise<void> {}

  /** The items that are left; ends with `close`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    try {
      for (let item = await this.next(); item !== undefined; item = await this.next()) yield item
    } finally {
      await this.close()
    }
  }
}
