import { R1Error } from '../../errors.ts'
import { StateReader } from './state.ts'
import { type Json, Stream } from './stream.ts'

/** A share that changes with progress (0 to 1): corners `[progress, share]` joined by straight lines. */
export type Share = number | readonly (readonly [progress: number, share: number])[]

/** One of the streams that are mixed. */
export interface Component<T> {
  readonly stream: Stream<T>
  /** Shares are taken relative to their sum. */
  readonly share: Share
}

export interface MixtureOptions<T> {
  /** What an item counts (tokens, characters): the shares are shares of these. Default: 1 each. */
  readonly size?: (item: T) => number
  /** Size of all items at which progress is 1; needed where shares change. */
  readonly total?: number
}

/**
 * Several streams in one, each with its share at every moment: what is furthest behind its share comes next, so shares
 * hold within the size of one item. A stream that has ended leaves its share to the others, and the mixture ends when no
 * stream with a share is left. With shares that change this
 * is a curriculum: `[[0, 0.1], [1, 0.9]]` lets a domain rise from a tenth to nine tenths.
 */
export class MixedStream<T> extends Stream<T> {
  private readonly components: readonly Component<T>[]
  private readonly size: (item: T) => number
  private readonly total: number
  /** Size of all items given. */
  private given = 0
  /** How far each component is behind its share. */
  private credits: number[]
  private ended: boolean[]

  /** @throws R1Error `bad-option` */
  constructor(components: readonly Component<T>[], { size = () => 1, total = Number.NaN }: MixtureOptions<T> = {}) {
    super()
    for (const { share } of components) checkShare(share, total)
    if (components.length === 0) throw new R1Error('bad-option', 'A mixture needs something to mix.')
    this.components = components
    this.size = size
    this.total = total
    this.credits = components.map(() => 0)
    this.ended = components.map(() => false)
  }

  async next(): Promise<T | undefined> {
    for (;;) {
      const shares = this.shares()
      const chosen = this.choose(shares)
      if (chosen === undefined) return undefined
      const item = await this.components[chosen]?.stream.next()
      if (item !== undefined) {
        this.account(chosen, shares, this.size(item))
        return item
      }
      this.ended[chosen] = true
    }
  }

  state(): Json {
    return {
      streams: this.components.map(({ stream }) => stream.state()),
      given: this.given,
      credits: [...this.credits],
      ended: [...this.ended],
    }
  }

  async restore(state: Json): Promise<void> {
    const saved = new StateReader('a mixture', state)
    const streams = saved.list('streams')
    const credits = saved.numbers('credits')
    const ended = saved.list('ended')
    if (streams.length !== this.components.length || credits.length !== streams.length) {
      throw saved.wrong(`it mixes ${streams.length} streams`)
    }
    for (const [index, { stream }] of this.components.entries()) await stream.restore(streams[index] ?? null)
    this.given = saved.number('given')
    this.credits = credits
    this.ended = this.components.map((_, index) => ended[index] === true)
  }

  override async close(): Promise<void> {
    for (const { stream } of this.components) await stream.close()
  }

  /** The present shares; of those that have ended 0. */
  private shares(): number[] {
    const progress = Math.min(this.given / this.total, 1)
    const shares = this.components.map(({ share }, index) => (this.ended[index] ? 0 : shareAt(share, progress)))
    const sum = shares.reduce((left, right) => left + right, 0)
    return shares.map((share) => (sum > 0 ? share / sum : 0))
  }

  private choose(shares: readonly number[]): number | undefined {
    let chosen: number | undefined
    for (const [index, share] of shares.entries()) {
      if (share === 0) continue
      if (chosen === undefined) chosen = index
      const [best, candidate] = [this.credits[chosen] as number, this.credits[index] as number]
      if (candidate > best || (candidate === best && share > (shares[chosen] as number))) chosen = index
    }
    return chosen
  }

  private account(chosen: number, shares: readonly number[], size: number): void {
    this.credits = this.credits.map(
      (credit, index) => credit + (shares[index] as number) * size - (index === chosen ? size : 0),
    )
    this.given += size
  }
}

/** The share at some progress in [0, 1]. */
export function shareAt(share: Share, progress: number): number {
  if (typeof share === 'number') return share
  const after = share.findIndex(([corner]) => corner >= progress)
  const [end, high] = (after < 0 ? share.at(-1) : share[after]) as readonly [number, number]
  if (after <= 0) return high
  const [start, low] = share[after - 1] as readonly [number, number]
  return low + ((high - low) * (progress - start)) / (end - start)
}

function checkShare(share: Share, total: number): void {
  const bad = (found: string) => {
    throw new R1Error('bad-option', `The share ${JSON.stringify(share)} ${found}.`, {
      remedy: 'Give a number from 0, or corners [progress, share] with progress rising from 0 to 1.',
    })
  }
  const corners = typeof share === 'number' ? [[0, share] as const] : share
  if (corners.length === 0) bad('has no corner')
  if (corners.some(([, value]) => !(value >= 0 && value < Number.POSITIVE_INFINITY))) bad('is below 0 or no number')
  if (corners.some(([progress]) => !(progress >= 0 && progress <= 1))) bad('has a progress outside 0 to 1')
  if (
    corners.some(([progress], index) => index > 0 && progress <= (corners[index - 1] as readonly [number, number])[0])
  ) {
    bad('has corners that do not rise')
  }
  if (typeof share !== 'number' && !(total > 0)) bad('changes with progress, but the total size is not given')
}
