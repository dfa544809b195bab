import { StateReader } from './state.ts'
import { type Json, Stream } from './stream.ts'

/** A stream again and again: so many passes, without end by default. An empty stream stays empty. */
export class RepeatedStream<T> extends Stream<T> {
  private readonly source: Stream<T>
  private readonly passes: number
  private readonly start: Json
  private pass = 0
  /** Items of the present pass. */
  private items = 0

  constructor(source: Stream<T>, passes = Number.POSITIVE_INFINITY) {
    super()
    this.source = source
    this.passes = passes
    this.start = source.state()
  }

  async next(): Promise<T | undefined> {
    for (; this.pass < this.passes; ) {
      const item = await this.source.next()
      if (item !== undefined) {
        this.items += 1
        return item
      }
      if (this.items === 0 || this.pass + 1 >= this.passes) return undefined
      this.pass += 1
      this.items = 0
      await this.source.restore(this.start)
    }
    return undefined
  }

  state(): Json {
    return { source: this.source.state(), pass: this.pass, items: this.items }
  }

  async restore(state: Json): Promise<void> {
    const saved = new StateReader('a repeated stream', state)
    await this.source.restore(saved.any('source'))
    this.pass = saved.count('pass')
    this.items = saved.count('items')
  }

  override close(): Promise<void> {
    return this.source.close()
  }
}
