import type { Usage, UsageEntry } from '../../store/index.ts'

/** Entries that wait at most: a store that is down for long must not take the memory. */
const most = 10_000

/** Milliseconds between two entries: many short requests cost the database no more than a few. */
const interval = 100

const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds).unref())

/**
 * Writes down what was used, in nobody's way: requests of one user, key and model that wait together become one entry, and
 * what a store refuses is tried again.
 */
export class UsageWriter {
  private readonly usage: Usage
  private readonly onFailure: (error: unknown) => void
  private readonly waiting: UsageEntry[] = []
  private working: Promise<void> | undefined
  private closing = false

  constructor(usage: Usage, onFailure: (error: unknown) => void) {
    this.usage = usage
    this.onFailure = onFailure
  }

  add(entry: UsageEntry): void {
    // The first entry may be on its way to the store already.
    const place = this.waiting.findIndex((other, index) => index > 0 && isAlike(other, entry))
    const alike = this.waiting[place]
    if (alike) this.waiting[place] = joined(alike, entry)
    else if (this.waiting.length < most) this.waiting.push(entry)
    this.working ??= this.work().finally(() => {
      this.working = undefined
    })
  }

  /** Writes what there is; what cannot be written now is given up. */
  async close(): Promise<void> {
    this.closing = true
    await this.working
  }

  private async work(): Promise<void> {
    for (let entry = this.waiting[0]; entry; entry = this.waiting[0]) {
      try {
        await this.usage.add(entry)
        this.waiting.shift()
        if (!this.closing) await pause(interval)
      } catch (error) {
        this.onFailure(error)
        if (this.closing) return
        await pause(1000)
      }
    }
  }
}

function isAlike(one: UsageEntry, other: UsageEntry): boolean {
  return one.user === other.user && one.key === other.key && one.model === other.model
}

function joined(one: UsageEntry, other: UsageEntry): UsageEntry {
  return {
    ...one,
    requests: (one.requests ?? 1) + (other.requests ?? 1),
    promptTokens: one.promptTokens + other.promptTokens,
    completionTokens: one.completionTokens + other.completionTokens,
    cachedTokens: (one.cachedTokens ?? 0) + (other.cachedTokens ?? 0),
    reasoningTokens: (one.reasoningTokens ?? 0) + (other.reasoningTokens ?? 0),
  }
}
