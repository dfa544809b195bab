import { StateReader } from './state.ts'
import { type Json, Stream } from './stream.ts'

/** Each item made into any number of others, in order; what is made depends on the item alone. */
export class TransformedStream<From, To> extends Stream<To> {
  private readonly source: Stream<From>
  private readonly make: (item: From) => readonly To[] | Promise<readonly To[]>
  private made: readonly To[] = []
  private given = 0
  /** Where the source stood before the item that `made` comes from. */
  private before: Json

  constructor(source: Stream<From>, make: (item: From) => readonly To[] | Promise<readonly To[]>) {
    super()
    this.source = source
    this.make = make
    this.before = source.state()
  }

  async next(): Promise<To | undefined> {
    while (this.given >= this.made.length) if (!(await this.advance())) return undefined
    return this.made[this.given++]
  }

  state(): Json {
    if (this.given >= this.made.length) return { source: this.source.state(), given: 0 }
    return { source: this.before, given: this.given }
  }

  async restore(state: Json): Promise<void> {
    const saved = new StateReader('a transformed stream', state)
    await this.source.restore(saved.any('source'))
    this.made = []
    this.given = 0
    const given = saved.count('given')
    if (given === 0) return
    await this.advance()
    if (this.made.length <= given) throw saved.wrong('the item it stood in gives fewer others now')
    this.given = given
  }

  override close(): Promise<void> {
    return this.source.close()
  }

  private async advance(): Promise<boolean> {
    this.before = this.source.state()
    const item = await this.source.next()
    if (item === undefined) return false
    this.made = await this.make(item)
    this.given = 0
    return true
  }
}
