/** What an engine has done and holds. Times are in milliseconds. */
export interface EngineStatistics {
  readonly running: number
  readonly waiting: number
  readonly slots: number
  /** Part of the cache's places that running requests take, from 0 to 1. */
  readonly cacheUse: number
  readonly cacheBytes: number
  readonly finished: number
  readonly failed: number
  readonly promptTokens: number
  /** Prompt tokens that were found in the cache. */
  readonly cachedTokens: number
  /** Prompts that were looked for in the cache, and those of which a part was found. */
  readonly prefixQueries: number
  readonly prefixHits: number
  readonly newTokens: number
  readonly draftedTokens: number
  readonly acceptedDrafts: number
  readonly prefillSteps: number
  readonly decodeSteps: number
  readonly prefillMs: number
  readonly decodeMs: number
  /** Longest time between two tokens of one stream. */
  readonly longestGapMs: number
  readonly restarts: number
}

/** What engines have counted one after the other, and what the last of them holds. */
export function sumStatistics(before: EngineStatistics, now: EngineStatistics): EngineStatistics {
  const { running, waiting, slots, cacheUse, cacheBytes, longestGapMs, ...counted } = now
  const sums = Object.entries(counted).map(([name, value]) => [name, value + before[name as keyof typeof counted]])
  return {
    ...(Object.fromEntries(sums) as typeof counted),
    ...{ running, waiting, slots, cacheUse, cacheBytes },
    longestGapMs: Math.max(longestGapMs, before.longestGapMs),
  }
}

type Counted = Exclude<keyof EngineStatistics, 'running' | 'waiting' | 'slots' | 'cacheUse' | 'cacheBytes'>

/** Counts what an engine does. */
export class Counters {
  private readonly values: Record<Counted, number> = {
    finished: 0,
    failed: 0,
    promptTokens: 0,
    cachedTokens: 0,
    prefixQueries: 0,
    prefixHits: 0,
    newTokens: 0,
    draftedTokens: 0,
    acceptedDrafts: 0,
    prefillSteps: 0,
    decodeSteps: 0,
    prefillMs: 0,
    decodeMs: 0,
    longestGapMs: 0,
    restarts: 0,
  }

  add(name: Counted, by = 1): void {
    this.values[name] += by
  }

  /** Remembers the largest value. */
  raise(name: Counted, to: number): void {
    this.values[name] = Math.max(this.values[name], to)
  }

  get all(): Readonly<Record<Counted, number>> {
    return { ...this.values }
  }
}

/** Of an engine that has done nothing yet. */
export function noStatistics(slots: number): EngineStatistics {
  return { running: 0, waiting: 0, slots, cacheUse: 0, cacheBytes: 0, ...new Counters().all }
}
