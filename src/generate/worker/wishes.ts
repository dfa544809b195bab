import type { Guide } from '../guide.ts'
import type { Guidance, Wish } from './messages.ts'

/** Which questions a guide has to be asked. */
export function guidanceOf(guide: Guide | undefined): Guidance {
  if (!guide || guide.onlyReads) return 'none'
  return guide.restrict ? 'restricts' : 'asks'
}

/**
 * What a guide wants of the next token.
 *
 * @param scratch `[V]`, overwritten
 */
export async function wishOf(guide: Guide, scratch: Float32Array): Promise<Wish> {
  await guide.prepare?.()
  const ended = guide.ended?.()
  if (ended) return { ended }
  const forced = guide.forced?.()
  if (forced !== undefined) return { forced }
  if (!guide.restrict) return {}
  scratch.fill(0)
  guide.restrict(scratch)
  const allowed = new Uint8Array(Math.ceil(scratch.length / 8))
  for (let id = 0; id < scratch.length; id++)
    if (scratch[id] === 0) allowed[id >> 3] = (allowed[id >> 3] as number) | (1 << (id & 7))
  return { allowed }
}

/** A guide in another process: before each token it waits for that process's wish. */
export class DistantGuide implements Guide {
  readonly restrict?: (logits: Float32Array) => void
  private readonly wishes: Wish[] = []
  private wake: (() => void) | undefined
  private left = false

  constructor(guidance: Guidance) {
    if (guidance === 'restricts') this.restrict = (logits) => forbid(logits, this.wishes[0]?.allowed)
  }

  /** Told of the next wish. */
  tell(wish: Wish): void {
    this.wishes.push(wish)
    this.wake?.()
  }

  /** Nobody waits for a wish any more. */
  leave(): void {
    this.left = true
    this.wake?.()
  }

  async prepare(): Promise<void> {
    while (this.wishes.length === 0 && !this.left) {
      await new Promise<void>((wake) => {
        this.wake = wake
      })
    }
  }

  ended() {
    return this.wishes[0]?.ended
  }

  forced() {
    return this.wishes[0]?.forced
  }

  accept(): undefined {
    this.wishes.shift()
  }
}

function forbid(logits: Float32Array, allowed: Uint8Array | undefined): void {
  if (!allowed) return
  for (let id = 0; id < logits.length; id++)
    if ((((allowed[id >> 3] as number) >> (id & 7)) & 1) === 0) logits[id] = Number.NEGATIVE_INFINITY
}
