import { StateReader } from './state.ts'
import { type Json, Stream } from './stream.ts'

export interface TransformOptions {
  /**
   * Items that are under way at once: more than one helps where `make` waits for others, as a chat template does, which is
   * rendered in processes of its own. The items and their order stay the same. Default 1.
   */
  readonly workers?: number
}

interface Making<To> {
  /** Where the source stood before the item. */
  readonly before: Json
  readonly made: Promise<readonly To[]>
}

/** Each item made into any number of others, in order; what is made depends on the item alone. */
export class TransformedStream<From, To> extends Stream<To> {
  private readonly source: Stream<From>
  private readonly make: (item: From) => readonly To[] | Promise<readonly To[]>
  private readonly workers: number
  private making: Making<To>[] = []
  private ended = false
  private made: readonly To[] = []
  private given = 0
  /** Where the source stood before the item that `made` comes from. */
  private before: Json

  constructor(
    source: Stream<From>,
    make: (item: From) => readonly To[] | Promise<readonly To[]>,
    { workers = 1 }: TransformOptions = {},
  ) {
    super()
    this.source = source
    this.make = make
    this.workers = workers
    this.before = source.state()
  }

  async next(): Promise<To | undefined> {
    while (this.given >= this.made.length) if (!(await this.advance())) return undefined
    return this.made[this.given++]
  }

  state(): Json {
    if (this.given < this.made.length) return { source: this.before, given: this.given }
    return { source: this.making[0]?.before ?? this.source.state(), given: 0 }
  }

  async restore(state: Json): Promise<void> {
    const saved = new StateReader('a transformed stream', state)
    await this.stop()
    await this.source.restore(saved.any('source'))
    this.ended = false
    const given = saved.count('given')
    if (given === 0) return
    await this.advance()
    if (this.made.length <= given) throw saved.wrong('the item it stood in gives fewer others now')
    this.given = given
  }

  override async close(): Promise<void> {
    await this.stop()
    await this.source.close()
  }

  /** Drops what was made, and waits for what is under way. */
  private async stop(): Promise<void> {
    await Promise.allSettled(this.making.map(({ made }) => made))
    this.making = []
    this.made = []
    this.given = 0
  }

  private async advance(): Promise<boolean> {
    while (this.making.length < this.workers && !this.ended) await this.begin()
    const [next] = this.making
    if (next === undefined) return false
    // Taken off first: what could not be made is said once, and the stream stands behind it.
    this.making.shift()
    this.before = next.before
    this.made = []
    this.given = 0
    this.made = await next.made
    return true
  }

  private async begin(): Promise<void> {
    const before = this.source.state()
    let made: Promise<readonly To[]>
    try {
      const item = await this.source.next()
      this.ended = item === undefined
      if (item === undefined) return
      made = Promise.resolve(this.make(item))
    } catch (error) {
      made = Promise.reject(error)
    }
    // It is thrown where its turn comes, not where nobody waits for it yet.
    made.catch(() => undefined)
    this.making.push({ before, made })
  }
}
