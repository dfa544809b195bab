import { R1Error } from '../../errors.ts'

/** What may be under way and waiting together. */
export interface AdmissionLimits {
  readonly requests: number
  /** Tokens of all prompts that wait for their first token. */
  readonly tokens: number
}

/** A place in the house. Disposed when the request is over. */
export interface Ticket extends Disposable {
  /** Told what the prompt turned out to have. @throws R1Error `overloaded` */
  resize(tokens: number): void
  /** The prompt waits no longer. */
  started(): void
}

/**
 * Lets requests in, before anything is tokenised or rendered for them, while there is room. What is refused costs next to
 * nothing, so a flood cannot take the memory or the time of those inside.
 */
export class Admission {
  private readonly limits: AdmissionLimits
  private requests = 0
  private tokens = 0
  private closed = false
  private readonly onEmpty: (() => void)[] = []

  constructor(limits: AdmissionLimits) {
    this.limits = limits
  }

  /** Requests inside. */
  get inside(): number {
    return this.requests
  }

  get isClosed(): boolean {
    return this.closed
  }

  /**
   * @param tokens estimate of the prompt
   * @throws R1Error `overloaded` where the house is full, `draining` where it is closing
   */
  enter(tokens: number): Ticket {
    if (this.closed) throw draining()
    if (this.requests >= this.limits.requests) throw full()
    this.requests++
    let held = 0
    let inside = true
    const resize = (to: number) => {
      // One prompt alone may always come in: the context limits it.
      if (this.tokens - held > 0 && this.tokens - held + to > this.limits.tokens) throw full()
      this.tokens += to - held
      held = to
    }
    const leave = () => {
      if (!inside) return
      inside = false
      this.tokens -= held
      held = 0
      this.requests--
      if (this.requests === 0) for (const told of this.onEmpty.splice(0)) told()
    }
    try {
      resize(tokens)
    } catch (error) {
      leave()
      throw error
    }
    return {
      resize,
      started: () => {
        if (inside) resize(0)
      },
      [Symbol.dispose]: leave,
    }
  }

  /** Lets nobody in any more. */
  close(): void {
    this.closed = true
  }

  /** Once nobody is inside. */
  async empty(): Promise<void> {
    if (this.requests > 0) await new Promise<void>((resolve) => this.onEmpty.push(resolve))
  }
}

function full(): R1Error {
  return new R1Error('overloaded', 'The server has as many requests as it can hold.', {
    remedy: 'Try again in a moment.',
  })
}

function draining(): R1Error {
  return new R1Error('draining', 'The server is shutting down.', { remedy: 'Ask another one, or try again later.' })
}
