import { R1Error } from '../errors.ts'

/** How much may wait. */
export interface QueueLimits {
  readonly requests: number
  /** Tokens of all waiting prompts together. */
  readonly tokens: number
}

/** What the queue has to know of something that waits. */
export interface Waiting {
  readonly priority: number
  readonly size: number
}

/** So many others overtake something before it counts as one priority higher: nothing waits for ever. */
const overtakingsPerPriority = 32

/** A bounded queue: the highest priority first, then who came first. */
export class RequestQueue<Item extends Waiting> {
  private readonly limits: QueueLimits
  private readonly items: { readonly item: Item; overtaken: number }[] = []

  constructor(limits: QueueLimits) {
    this.limits = limits
  }

  get length(): number {
    return this.items.length
  }

  get tokens(): number {
    return this.items.reduce((sum, { item }) => sum + item.size, 0)
  }

  /** @throws R1Error `queue-full` */
  add(item: Item): void {
    const { requests, tokens } = this.limits
    if (this.items.length >= requests || (this.items.length > 0 && this.tokens + item.size > tokens)) {
      throw queueFull(this.items.length)
    }
    this.items.push({ item, overtaken: 0 })
  }

  /** Takes the next one out. */
  take(): Item | undefined {
    const rank = ({ item, overtaken }: { item: Item; overtaken: number }) =>
      item.priority + Math.floor(overtaken / overtakingsPerPriority)
    let best = 0
    for (let at = 1; at < this.items.length; at++) {
      if (rank(this.items[at] as (typeof this.items)[number]) > rank(this.items[best] as (typeof this.items)[number]))
        best = at
    }
    for (let at = 0; at < best; at++) (this.items[at] as (typeof this.items)[number]).overtaken++
    return this.items.splice(best, 1)[0]?.item
  }

  /** Takes out what is meant, wherever it stands. */
  remove(isMeant: (item: Item) => boolean): Item[] {
    const removed = this.items.filter(({ item }) => isMeant(item))
    for (const entry of removed) this.items.splice(this.items.indexOf(entry), 1)
    return removed.map(({ item }) => item)
  }
}

export function queueFull(waiting: number): R1Error {
  return new R1Error('queue-full', `${waiting} requests are waiting already.`, { remedy: 'Try again in a moment.' })
}
