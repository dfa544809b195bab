import { RetryLater } from '../http/failure.ts'

/** What one key may use in a minute. */
export interface RateLimit {
  readonly requestsPerMinute: number | undefined
  readonly tokensPerMinute: number | undefined
}

/** What is left; it fills up steadily and is full after a minute. */
class Bucket {
  private readonly size: number
  private level: number
  private filledAt: number

  constructor(size: number, now: number) {
    this.size = size
    this.level = size
    this.filledAt = now
  }

  take(amount: number, now: number): void {
    this.fill(now)
    this.level -= amount
  }

  /** Seconds until there is so much; 0 where there is. */
  secondsUntil(amount: number, now: number): number {
    this.fill(now)
    return this.level >= amount ? 0 : ((amount - this.level) * 60) / this.size
  }

  private fill(now: number): void {
    this.level = Math.min(this.size, this.level + (Math.max(0, now - this.filledAt) * this.size) / 60_000)
    this.filledAt = now
  }
}

interface KeyBuckets {
  readonly requests: Bucket | undefined
  readonly tokens: Bucket | undefined
  readonly made: RateLimit
}

/** Keys that are remembered at most; of one that is forgotten the minute begins anew. */
const remembered = 10_000

/** Counts requests and tokens of each key, on a clock that nobody can set back. */
export class RateLimits {
  private readonly keys = new Map<string, KeyBuckets>()
  private readonly now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.now = now
  }

  /**
   * A request of a key comes in.
   *
   * @throws RetryLater where it came too soon
   */
  enter(key: string, limit: RateLimit): void {
    const { requests, tokens } = this.bucketsOf(key, limit)
    const now = this.now()
    const seconds = Math.max(requests?.secondsUntil(1, now) ?? 0, tokens?.secondsUntil(1, now) ?? 0)
    if (seconds > 0) {
      throw new RetryLater('rate-limited', 'This key has used what it may in a minute.', Math.ceil(seconds))
    }
    requests?.take(1, now)
  }

  /** A request of a key took so many tokens. */
  charge(key: string, tokens: number): void {
    this.keys.get(key)?.tokens?.take(tokens, this.now())
  }

  private bucketsOf(key: string, limit: RateLimit): KeyBuckets {
    const known = this.keys.get(key)
    const isSame =
      known?.made.requestsPerMinute === limit.requestsPerMinute && known?.made.tokensPerMinute === limit.tokensPerMinute
    if (known && isSame) return known
    const bucket = (size: number | undefined) => (size === undefined ? undefined : new Bucket(size, this.now()))
    const made = { requests: bucket(limit.requestsPerMinute), tokens: bucket(limit.tokensPerMinute), made: limit }
    const [oldest] = this.keys.keys()
    if (this.keys.size >= remembered && oldest !== undefined) this.keys.delete(oldest)
    this.keys.set(key, made)
    return made
  }
}
