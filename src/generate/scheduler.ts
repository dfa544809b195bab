import type { Executor } from './executor.ts'
import type { FinishReason } from './guide.ts'
import type { RequestQueue } from './queue.ts'
import type { Sequence } from './sequence.ts'
import { SlotTable } from './slots.ts'
import type { Counters } from './statistics.ts'
import type { NextToken } from './step.ts'
import type { StepRow } from './step-inputs.ts'
import { Verification } from './verification.ts'

/** What a scheduler has to know of its engine. */
export interface SchedulerOptions {
  readonly slots: number
  readonly chunk: number
}

/**
 * Decides what runs next. A turn is a part of one prompt, if there is any, and then one step of all texts under way, so that
 * neither waits for more than one step of the other.
 */
export class Scheduler {
  readonly running: Sequence[] = []
  private readonly table: SlotTable
  private readonly executor: Executor
  private readonly chunk: number
  private readonly counters: Counters
  private turn = 0
  private lastDecode = Number.NaN

  constructor(executor: Executor, { slots, chunk }: SchedulerOptions, counters: Counters) {
    this.executor = executor
    this.chunk = chunk
    this.counters = counters
    this.table = new SlotTable(slots)
  }

  get slots(): number {
    return this.table.slots.length
  }

  /** Places of the cache that running sequences take. */
  get placesTaken(): number {
    return this.running.reduce((sum, { computed }) => sum + computed, 0)
  }

  /** Gives free slots to those who wait. */
  admit(queue: RequestQueue<Sequence>): void {
    while (this.table.free > 0 && queue.length > 0) {
      const sequence = queue.take() as Sequence
      const slot = this.table.take(sequence.prompt, sequence.salt)
      if (!slot) return
      sequence.admit(slot)
      this.running.push(sequence)
    }
  }

  /** Lets go of those whom nobody wants any more. */
  removeCancelled(): Sequence[] {
    const cancelled = this.running.filter((sequence) => sequence.cancelled)
    for (const sequence of cancelled) this.release(sequence)
    return cancelled
  }

  /** Forgets everything after a failure: the cache is no longer what the slots say. */
  clear(): Sequence[] {
    const lost = [...this.running]
    for (const sequence of lost) this.release(sequence)
    for (const slot of this.table.slots) slot.clear()
    return lost
  }

  /** One turn. @throws what running the model throws */
  async step(): Promise<void> {
    const next = this.nextPrompt()
    if (next) await this.prefill(this.withOthers(next))
    const texts = this.running.filter((sequence) => !sequence.isPrefilling && !sequence.cancelled)
    if (texts.length > 0) await this.decode(texts)
    else this.lastDecode = Number.NaN
  }

  /** In turns the prompt that came first and the one that is done soonest: neither long nor short ones wait for ever. */
  private nextPrompt(): Sequence | undefined {
    const prompts = this.running.filter((sequence) => sequence.isPrefilling)
    const rest = ({ prompt, computed }: Sequence) => prompt.length - computed
    if (this.turn++ % 2 === 0) return prompts[0]
    return prompts.reduce<Sequence | undefined>(
      (best, one) => (!best || rest(one) < rest(best) ? one : best),
      undefined,
    )
  }

  /**
   * Prompts that are computed in one step: the next one, and others as far as all rows, filled up to the longest, have no
   * more tokens than a part of one prompt, and no more than half of them fill up.
   */
  private withOthers(next: Sequence): Sequence[] {
    this.share(next)
    const chosen = [next]
    let longest = this.nextPart(next).length
    let tokens = longest
    for (const sequence of this.running) {
      if (sequence === next || !sequence.isPrefilling || sequence.cancelled) continue
      this.share(sequence)
      // What one of the chosen computes is found in the cache by the next turn.
      if (chosen.some((one) => one.salt === sequence.salt && commonTokens(one, sequence) > sequence.computed)) continue
      const own = this.nextPart(sequence).length
      const places = (chosen.length + 1) * Math.max(longest, own)
      if (places > this.chunk || places > 2 * (tokens + own)) continue
      chosen.push(sequence)
      longest = Math.max(longest, own)
      tokens += own
    }
    return chosen
  }

  /** The tokens of a prompt that are computed next: borders at fixed places do not depend on how much was found in the cache. */
  private nextPart({ prompt, computed }: Sequence): Int32Array {
    return prompt.subarray(computed, (Math.floor(computed / this.chunk) + 1) * this.chunk)
  }

  private async prefill(sequences: readonly Sequence[]): Promise<void> {
    const parts = sequences.map((sequence) => this.nextPart(sequence))
    const rows = sequences.map((sequence, at) => rowOf(sequence, [...(parts[at] as Int32Array)], 1))
    const started = performance.now()
    using result = await this.executor.run('prefill', rows)
    this.counters.add('prefillSteps')
    this.counters.add('prefillMs', performance.now() - started)
    for (const [at, sequence] of sequences.entries()) {
      const end = sequence.computed + (parts[at] as Int32Array).length
      this.commit(sequence, end)
      const { slot, prompt } = sequence
      if (slot) slot.exact = end
      if (end === prompt.length) await this.advance(sequence, result.next[at] as NextToken)
    }
  }

  /** Copies what another slot holds of the prompt's beginning, if it is more than the own one does. */
  private share(sequence: Sequence): void {
    const { prompt, slot, salt, computed } = sequence
    if (!slot) return
    const prefix = this.table.longestPrefix(prompt, salt)
    if (sequence.isFresh) this.counters.add('prefixQueries')
    if (prefix && prefix.slot !== slot && prefix.length > computed) {
      this.executor.copyPrefix(prefix.slot.index, slot.index, prefix.length)
      sequence.cachedTokens += prefix.length - computed
      this.commit(sequence, prefix.length)
      slot.exact = prefix.length
    }
    if (sequence.isFresh && sequence.cachedTokens > 0) this.counters.add('prefixHits')
    sequence.isFresh = false
  }

  private async decode(texts: readonly Sequence[]): Promise<void> {
    const checks = texts.map((sequence) => new Verification(sequence, texts.length))
    const rows = checks.map(({ tokens, sequence }) => rowOf(sequence, tokens, tokens.length))
    const started = performance.now()
    using result = await this.executor.run('decode', rows)
    const ended = performance.now()
    this.counters.add('decodeSteps')
    this.counters.add('decodeMs', ended - started)
    this.counters.raise('longestGapMs', ended - this.lastDecode || 0)
    this.lastDecode = ended
    let first = 0
    for (const check of checks) {
      const { tokens } = check
      await this.judge(check, result.next.slice(first, first + tokens.length))
      this.counters.add('draftedTokens', tokens.length - 1)
      this.counters.add('acceptedDrafts', check.accepted)
      first += tokens.length
    }
  }

  /** Gives out tokens as far as the drafts agree with them. */
  private async judge(check: Verification, next: readonly NextToken[]): Promise<void> {
    const { sequence, tokens } = check
    for (let at = 0; at < tokens.length; at++) {
      this.commit(sequence, sequence.computed + 1)
      const goesOn = await this.advance(sequence, next[at] as NextToken)
      if (!goesOn || !check.agrees(at)) return
    }
  }

  /** @returns whether the sequence goes on */
  private async advance(sequence: Sequence, next: NextToken): Promise<boolean> {
    try {
      if (sequence.prepare) await sequence.prepare()
      // Whoever left while it was prepared gets no further token.
      if (sequence.cancelled) return false
      const reason = sequence.ended ?? this.choose(sequence, next)
      if (!reason) return true
      this.release(sequence)
      this.counters.add('finished')
      this.counters.add('cachedTokens', sequence.cachedTokens)
      sequence.end(reason)
    } catch (error) {
      // Only this text is wrong, not the engine; but what its slot holds may be what made it so.
      sequence.slot?.clear()
      this.release(sequence)
      this.counters.add('failed')
      sequence.stream.fail(error)
    }
    return false
  }

  private choose(sequence: Sequence, next: NextToken): FinishReason | undefined {
    const reason = sequence.advance(next)
    this.counters.add('newTokens')
    return reason
  }

  /** The keys and values of the tokens before `end` are in the slot. */
  private commit(sequence: Sequence, end: number): void {
    const { slot, tokens } = sequence
    if (slot) for (let at = slot.tokens.length; at < end; at++) slot.tokens.push(tokens[at] as number)
    sequence.computed = end
  }

  private release(sequence: Sequence): void {
    this.running.splice(this.running.indexOf(sequence), 1)
    sequence.release()
    if (sequence.slot) this.table.release(sequence.slot)
    sequence.slot = undefined
  }
}

function rowOf(sequence: Sequence, tokens: readonly number[], wanted: number): StepRow {
  const { slot, computed, readsLogits } = sequence
  const draw = sequence.drawOf(wanted)
  return { slot: slot?.index ?? 0, past: computed, tokens, wanted, logits: readsLogits && wanted > 0, draw }
}

/** How many tokens two prompts begin with in common. */
function commonTokens({ prompt: one }: Sequence, { prompt: other }: Sequence): number {
  // The last token of a prompt is always computed.
  const most = Math.min(one.length, other.length - 1)
  let length = 0
  while (length < most && one[length] === other[length]) length++
  return length
}
