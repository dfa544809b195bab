import type { R1Error } from '../errors.ts'
import { randomUniform, streamKey } from '../tensor/random.ts'
import { type FinishReason, type Guide, joinGuides, stopIds } from './guide.ts'
import { PromptLookup } from './lookup.ts'
import type { GeneratedToken, TokenRequest, Usage } from './request.ts'
import { adjustLogits, adjusts } from './sampling/adjust.ts'
import { badLogits, drawToken, isGreedy } from './sampling/draw.ts'
import { History } from './sampling/history.ts'
import type { Slot } from './slots.ts'
import type { NextToken } from './step.ts'
import type { TokenDraw } from './step-inputs.ts'
import { TokenStream } from './token-stream.ts'

/** A request on its way through the engine. */
export class Sequence {
  readonly prompt: Int32Array
  readonly priority: number
  readonly salt: string
  readonly stream: TokenStream
  /** Prompt and text. */
  readonly tokens: number[]
  /** The row of the cache, once there is one. */
  slot: Slot | undefined
  /** Tokens whose keys and values are in the slot. */
  computed = 0
  cachedTokens = 0
  /** Nothing of it was computed yet. */
  isFresh = true
  acceptedDrafts = 0
  /** Nobody wants more of it; with an error where somebody has to be told. */
  cancelled: { readonly error?: R1Error } | undefined
  private readonly request: TokenRequest
  private readonly guide: Guide
  private readonly history: History
  private readonly key: number
  private readonly context: number
  private readonly mostTokens: number
  private readonly lookup: PromptLookup | undefined
  private readonly started = performance.now()
  private admitted = Number.NaN
  private first = Number.NaN

  /** @param context most tokens of prompt and text */
  constructor(request: TokenRequest, context: number) {
    const { sampling = {}, guide, maxNewTokens = Number.POSITIVE_INFINITY } = request
    this.request = request
    this.prompt = Int32Array.from(request.prompt)
    this.tokens = [...this.prompt]
    this.priority = request.priority ?? 0
    this.salt = request.salt ?? ''
    this.lookup = request.lookup ? new PromptLookup() : undefined
    this.guide = joinGuides([stopIds(request.stopIds ?? []), ...(guide ? [guide] : [])])
    this.history = new History(this.prompt)
    this.key = streamKey(sampling.seed ?? Math.floor(Math.random() * 2 ** 32), 'generate.tokens')
    this.mostTokens = Math.min(this.prompt.length + maxNewTokens, context)
    this.context = context
    this.stream = new TokenStream(() => this.cancel())
  }

  /** Tokens of the prompt: what it takes up in the queue. */
  get size(): number {
    return this.prompt.length
  }

  /** Whether the prompt is not yet all in the cache. */
  get isPrefilling(): boolean {
    return this.computed < this.prompt.length
  }

  get newTokens(): number {
    return this.tokens.length - this.prompt.length
  }

  /** How many more tokens it may have. */
  get room(): number {
    return this.mostTokens - this.tokens.length
  }

  cancel(error?: R1Error): void {
    this.cancelled ??= error ? { error } : {}
  }

  /** Gives it a row of the cache. */
  admit(slot: Slot): void {
    this.slot = slot
    this.computed = slot.tokens.length
    this.cachedTokens = this.computed
    this.admitted = performance.now()
  }

  /** Finds out what may come next, where that takes time. */
  get prepare(): (() => Promise<void>) | undefined {
    return this.guide.prepare
  }

  /** Why it has ended already, once `prepare` is done. */
  get ended(): FinishReason | undefined {
    return this.guide.ended?.()
  }

  /** Nothing more will come. */
  release(): void {
    this.guide.release?.()
  }

  /**
   * Chooses the next token by the model's logits, and gives it out.
   *
   * @param next what follows the last token
   * @returns why the sequence ends with it, if it does
   * @throws R1Error `bad-logits`, and what a guide throws
   */
  advance(next: NextToken): FinishReason | undefined {
    const id = this.guide.forced?.() ?? this.choose(next)
    if (this.newTokens === 0) this.first = performance.now()
    this.tokens.push(id)
    this.history.push(id)
    const ended = this.guide.accept(id)
    this.stream.push(this.describe(id, next))
    if (ended) return ended
    if (this.room > 0) return undefined
    return this.tokens.length >= this.context ? 'context' : 'length'
  }

  /** Tokens that may come next, to be checked in one step with so many texts. */
  draft(texts: number): readonly number[] {
    // One place is for the token that is chosen after the last draft.
    return this.lookup && this.room > 1 ? this.lookup.draft(this.tokens, this.room - 1, texts) : []
  }

  /** Told how many of its drafts were right. */
  learn(drafted: number, accepted: number): void {
    this.lookup?.learn(drafted, accepted)
  }

  /** Ends it well. */
  end(reason: FinishReason): void {
    this.stream.end({ reason, usage: this.usage })
  }

  /** Whether the next token takes all logits: where they are changed, or a token is forced whose probability is asked for. */
  get readsLogits(): boolean {
    return this.changesLogits || (this.guide.forced !== undefined && this.request.logProbabilities !== undefined)
  }

  /** How the next tokens are drawn, where the step can do that; random numbers belong to places of the text. */
  drawOf(count: number): TokenDraw | undefined {
    const { sampling = {} } = this.request
    if (this.changesLogits || isGreedy(sampling)) return undefined
    return { sampling, uniforms: Array.from({ length: count }, (_, at) => this.uniform(this.newTokens + at)) }
  }

  private uniform(place: number): number {
    return randomUniform(this.key, place)
  }

  private get changesLogits(): boolean {
    return adjusts(this.request.sampling ?? {}) || this.guide.restrict !== undefined
  }

  private choose({ logits, drawn, best, logSumExp }: NextToken): number {
    const { sampling = {} } = this.request
    const changes = this.changesLogits
    if (!changes && Number.isFinite(logSumExp)) {
      if (isGreedy(sampling)) return best
      if (drawn !== undefined) return drawn
    }
    if (!logits) throw badLogits()
    const own = changes ? logits.slice() : logits
    if (changes) adjustLogits(own, sampling, this.history)
    this.guide.restrict?.(own)
    return drawToken(own, sampling, this.uniform(this.newTokens))
  }

  private describe(id: number, next: NextToken): GeneratedToken {
    const { logProbabilities: count } = this.request
    if (count === undefined) return { id }
    const { logits, best, bestLogit, drawn, drawnLogit, logSumExp } = next
    const logit = id === best ? bestLogit : id === drawn ? drawnLogit : logits?.[id]
    return { id, logProbability: (logit as number) - logSumExp, alternatives: next.likely(count) }
  }

  private get usage(): Usage {
    return {
      promptTokens: this.prompt.length,
      cachedTokens: this.cachedTokens,
      newTokens: this.newTokens,
      acceptedDrafts: this.acceptedDrafts,
      queuedMs: this.admitted - this.started,
      firstTokenMs: this.first - this.started,
      totalMs: performance.now() - this.started,
    }
  }
}
