import { R1Error } from '../../errors.ts'
import { Random } from '../random.ts'
import { StateReader } from './state.ts'
import { type Json, Stream } from './stream.ts'

export interface ShuffleOptions {
  readonly seed: number
  /** Items held at once: each next one is drawn from these. With as many as there are, the order is uniform. */
  readonly buffer: number
}

interface Held<T> {
  readonly item: T
  /** Its number in the source, from 0. */
  readonly ordinal: number
  /** Where the source stood before it. */
  readonly before: Json
}

/**
 * A stream in random order, the same for the same seed. The state names the items held by their numbers instead of
 * holding them: restoring reads the source again from the oldest of them, some ten buffers back at most in practice.
 */
export class ShuffledStream<T> extends Stream<T> {
  private readonly source: Stream<T>
  private readonly buffer: number
  private readonly random: Random
  private held: Held<T>[] = []
  /** Items taken from the source. */
  private taken = 0

  /** @throws R1Error `bad-option` */
  constructor(source: Stream<T>, { seed, buffer }: ShuffleOptions) {
    super()
    if (!Number.isSafeInteger(buffer) || buffer < 1) {
      throw new R1Error('bad-option', `A shuffle holds a whole number of items from 1, not ${buffer}.`)
    }
    this.source = source
    this.buffer = buffer
    this.random = new Random(seed, 'shuffle')
  }

  async next(): Promise<T | undefined> {
    while (this.held.length < this.buffer && (await this.take())) {}
    if (this.held.length === 0) return undefined
    const index = this.random.below(this.held.length)
    const last = this.held.pop() as Held<T>
    const drawn = this.held[index]
    if (drawn === undefined) return last.item
    this.held[index] = last
    return drawn.item
  }

  state(): Json {
    const oldest = this.held.reduce<Held<T> | undefined>(
      (first, item) => (first && first.ordinal < item.ordinal ? first : item),
      undefined,
    )
    return {
      source: oldest?.before ?? this.source.state(),
      oldest: oldest?.ordinal ?? this.taken,
      taken: this.taken,
      held: this.held.map(({ ordinal }) => ordinal),
      random: this.random.state(),
    }
  }

  async restore(state: Json): Promise<void> {
    const saved = new StateReader('a shuffled stream', state)
    const ordinals = saved.numbers('held')
    const wanted = new Set(ordinals)
    const found = new Map<number, Held<T>>()
    await this.source.restore(saved.any('source'))
    this.held = []
    this.taken = saved.count('oldest')
    while (this.taken < saved.count('taken')) {
      if (!(await this.take())) throw saved.wrong('there are fewer items now')
      const last = this.held.pop() as Held<T>
      if (wanted.has(last.ordinal)) found.set(last.ordinal, last)
    }
    this.held = ordinals.map((ordinal) => {
      const held = found.get(ordinal)
      if (held === undefined) throw saved.wrong('it names items that are not there')
      return held
    })
    this.random.restore(saved.count('random'))
  }

  override close(): Promise<void> {
    return this.source.close()
  }

  private async take(): Promise<boolean> {
    const before = this.source.state()
    const item = await this.source.next()
    if (item === undefined) return false
    this.held.push({ item, ordinal: this.taken, before })
    this.taken += 1
    return true
  }
}
