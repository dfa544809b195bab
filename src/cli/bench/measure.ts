/** Median of numbers; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

/** Watches how long the event loop is blocked, by a timer that should fire every millisecond. */
export class EventLoopWatch {
  private last = performance.now()
  private largest = 0
  private readonly timer = setInterval(() => {
    const now = performance.now()
    this.largest = Math.max(this.largest, now - this.last)
    this.last = now
  }, 1)

  /** Ends the watch. @returns the longest gap between two turns, in milliseconds */
  stop(): number {
    clearInterval(this.timer)
    return Math.max(this.largest, performance.now() - this.last)
  }
}

/** Largest resident memory of this process so far, in MB (10⁶ bytes). */
export function peakMemoryMb(): number {
  return (process.resourceUsage().maxRSS * 1024) / 1e6
}

/** A prompt of so many tokens, the same for everyone. */
export function promptOf(length: number, vocabulary: number): number[] {
  return Array.from({ length }, (_, at) => (at * 97 + 5) % vocabulary)
}
