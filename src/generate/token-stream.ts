import type { Finish, GeneratedToken } from './request.ts'

/**
 * The tokens of one request as they come. Leaving the loop early stops the request at the next step.
 *
 * @example for await (const { id } of stream) …
 */
export class TokenStream implements AsyncIterable<GeneratedToken> {
  /** How the text ended. Rejects as the loop throws. */
  readonly finish: Promise<Finish>
  private readonly waiting: GeneratedToken[] = []
  private readonly settle: { resolve: (finish: Finish) => void; reject: (error: unknown) => void }
  private readonly onLeave: () => void
  private wake: (() => void) | undefined
  private outcome: { readonly error?: unknown } | undefined

  /** @param onLeave called when nobody wants more tokens */
  constructor(onLeave: () => void) {
    this.onLeave = onLeave
    this.settle = { resolve: () => undefined, reject: () => undefined }
    this.finish = new Promise((resolve, reject) => {
      this.settle.resolve = resolve
      this.settle.reject = reject
    })
    // Whoever only reads the tokens is told by the loop.
    this.finish.catch(() => undefined)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<GeneratedToken> {
    try {
      for (;;) {
        const token = this.waiting.shift()
        if (token) {
          yield token
          continue
        }
        if (this.outcome && 'error' in this.outcome) throw this.outcome.error
        if (this.outcome) return
        await new Promise<void>((wake) => {
          this.wake = wake
        })
      }
    } finally {
      this.cancel()
    }
  }

  /** Stops the request at the next step. */
  cancel(): void {
    if (!this.outcome) this.onLeave()
  }

  /** Every token, once all have come. */
  async all(): Promise<{ readonly tokens: readonly GeneratedToken[]; readonly finish: Finish }> {
    const tokens: GeneratedToken[] = []
    for await (const token of this) tokens.push(token)
    return { tokens, finish: await this.finish }
  }

  push(token: GeneratedToken): void {
    this.waiting.push(token)
    this.wake?.()
  }

  end(finish: Finish): void {
    this.outcome ??= {}
    this.settle.resolve(finish)
    this.wake?.()
  }

  fail(error: unknown): void {
    this.outcome ??= { error }
    this.settle.reject(error)
    this.wake?.()
  }
}
