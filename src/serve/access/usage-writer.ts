import type { Usage, UsageEntry } from '../../store/index.ts'

/** Entries that wait at most: a store that is down for long must not take the memory. */
const most = 10_000

const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds).unref())

/** Writes down what was used, one entry after the other and in nobody's way; what a store refuses is tried again. */
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
    if (this.waiting.length >= most) this.waiting.shift()
    this.waiting.push(entry)
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
      } catch (error) {
        this.onFailure(error)
        if (this.closing) return
        await pause(1000)
      }
    }
  }
}
