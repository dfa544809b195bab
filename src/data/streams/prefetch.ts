import { type Json, Stream } from './stream.ts'

type Fetched<T> = { readonly before: Json; readonly item: T } | { readonly before: Json; readonly error: unknown }

/** Reads ahead while the items before are used. The items, and the state that is saved, are those of the source. */
export class PrefetchedStream<T> extends Stream<T> {
  private readonly source: Stream<T>
  private readonly ahead: number
  private ready: Fetched<T>[] = []
  private working: Promise<void> | undefined
  /** Where the source stood before the item that is being fetched. */
  private fetching: Json | undefined
  private ended = false

  /** @param ahead items that may lie ready */
  constructor(source: Stream<T>, ahead: number) {
    super()
    this.source = source
    this.ahead = ahead
  }

  async next(): Promise<T | undefined> {
    this.work()
    while (this.ready.length === 0 && !this.ended) await this.working
    const fetched = this.ready.shift()
    this.work()
    if (fetched && 'error' in fetched) throw fetched.error
    return fetched?.item
  }

  state(): Json {
    return this.ready[0]?.before ?? this.fetching ?? this.source.state()
  }

  async restore(state: Json): Promise<void> {
    await this.stop()
    await this.source.restore(state)
    this.ended = false
  }

  override async close(): Promise<void> {
    await this.stop()
    await this.source.close()
  }

  private work(): void {
    if (this.working || this.ended || this.ready.length >= this.ahead) return
    this.working = this.fetch().then(() => {
      this.working = undefined
      this.fetching = undefined
      this.work()
    })
  }

  private async fetch(): Promise<void> {
    const before = this.source.state()
    this.fetching = before
    try {
      const item = await this.source.next()
      if (item === undefined) this.ended = true
      else this.ready.push({ before, item })
    } catch (error) {
      this.ready.push({ before, error })
      this.ended = true
    }
  }

  /** Drops what lies ready and waits for what is under way. */
  private async stop(): Promise<void> {
    this.ended = true
    await this.working
    this.ready = []
  }
}
