import { StateReader } from './state.ts'
import { type Json, Stream } from './stream.ts'

/** Items that lie in memory. */
export class ListStream<T> extends Stream<T> {
  private readonly items: readonly T[]
  private index = 0

  constructor(items: readonly T[]) {
    super()
    this.items = items
  }

  async next(): Promise<T | undefined> {
    const item = this.items[this.index]
    if (this.index < this.items.length) this.index += 1
    return item
  }

  state(): Json {
    return { index: this.index }
  }

  async restore(state: Json): Promise<void> {
    const reader = new StateReader('a list', state)
    const index = reader.count('index')
    if (index > this.items.length) throw reader.wrong(`the list has ${this.items.length} items only`)
    this.index = index
  }
}
