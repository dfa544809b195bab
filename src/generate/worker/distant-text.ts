import type { FinishReason, Guide } from '../guide.ts'
import type { Finish, GeneratedToken, TokenRequest } from '../request.ts'
import { TokenStream } from '../token-stream.ts'
import type { Guidance, Wish } from './messages.ts'
import { guidanceOf, wishOf } from './wishes.ts'

/** What a text needs of whoever speaks to its engine. */
export interface TextLine {
  /** Tells the engine what comes next. */
  tell(wish: Wish): void
  /** Nothing more is wanted of the engine. */
  leave(): void
  /** `[V]`, for calculations. */
  readonly scratch: Float32Array
}

/** A text that is written in another process, while its guide stays in this one. */
export class DistantText {
  readonly request: TokenRequest
  readonly guidance: Guidance
  readonly stream: TokenStream
  /** Its first token has come. */
  hasBegun = false
  private readonly guide: Guide | undefined
  private readonly line: TextLine
  private readonly asked = performance.now()
  private sent = Number.NaN
  private reason: FinishReason | undefined
  private judging: Promise<void> = Promise.resolve()
  private isOver = false

  /** @param onCancel called when nobody reads on */
  constructor(request: TokenRequest, line: TextLine, onCancel: () => void) {
    this.request = request
    this.guide = request.guide
    this.guidance = guidanceOf(request.guide)
    this.line = line
    this.stream = new TokenStream(onCancel)
  }

  /** Tokens of the prompt. */
  get size(): number {
    return this.request.prompt.length
  }

  /** It was sent to the engine. */
  begin(): void {
    this.sent = performance.now()
    this.judge()
  }

  token(token: GeneratedToken): void {
    if (this.isOver) return
    this.hasBegun = true
    try {
      this.reason = this.guide?.accept(token.id)
    } catch (error) {
      this.fail(error)
      return
    }
    this.stream.push(token)
    this.judge()
  }

  async finish({ reason, usage }: Finish): Promise<void> {
    await this.judging
    if (!this.end()) return
    const waited = this.sent - this.asked
    this.stream.end({
      reason: this.reason ?? reason,
      usage: {
        ...usage,
        queuedMs: usage.queuedMs + waited,
        firstTokenMs: usage.firstTokenMs + waited,
        totalMs: usage.totalMs + waited,
      },
    })
  }

  fail(error: unknown): void {
    if (this.end()) this.stream.fail(error)
  }

  /** Finds out what the guide wants of the next token, and tells the engine. */
  private judge(): void {
    const { guide, reason, line } = this
    if (!guide || this.guidance === 'none') return
    const wish = reason ? Promise.resolve({ ended: reason }) : wishOf(guide, line.scratch)
    this.judging = wish.then(
      (found) => line.tell(found),
      (error: unknown) => this.fail(error),
    )
  }

  /** @returns whether it had not ended before */
  private end(): boolean {
    if (this.isOver) return false
    this.isOver = true
    // What the guide still finds out needs what it would let go of.
    this.judging.then(() => this.guide?.release?.())
    this.line.leave()
    return true
  }
}
