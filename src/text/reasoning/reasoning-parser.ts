/** The marks around a thought. */
export interface ReasoningTags {
  open: string
  close: string
}

export const thinkTags: ReasoningTags = { open: '<think>', close: '</think>' }

/** A part of the output, in order. */
export interface ReasoningEvent {
  type: 'reasoning-delta' | 'text-delta'
  delta: string
}

export interface ReasoningParserOptions {
  /** Default `<think>` and `</think>`. */
  tags?: ReasoningTags
  /** The prompt opened the thought already; see {@link opensReasoning}. */
  inside?: boolean
  /** A thought may also begin after text. By default only where nothing but white space came before it. */
  anywhere?: boolean
  /** Leaves out white space next to the tags. By default nothing but the tags is left out. */
  trim?: boolean
}

/** @returns whether a rendered prompt ends with the mark that begins a thought, so that the output starts inside it */
export function opensReasoning(prompt: string, tags: ReasoningTags = thinkTags): boolean {
  return prompt.trimEnd().endsWith(tags.open)
}

/**
 * Parts a stream of text into thought and answer. What may yet become a tag is held back; nothing is lost or reordered, and
 * the result does not depend on how the stream is cut.
 */
export class ReasoningParser {
  private readonly tags: ReasoningTags
  private readonly anywhere: boolean
  private readonly trim: boolean
  private inside: boolean
  /** Text has come that was not white space, outside of a thought. */
  private hasText = false
  /** What may be the beginning of a tag. */
  private held = ''
  /** With `trim`: white space that counts once something else than a tag follows it. */
  private blank = ''
  /** With `trim`: nothing but white space has come since the last tag. */
  private afterTag: boolean

  constructor(options: ReasoningParserOptions = {}) {
    this.tags = options.tags ?? thinkTags
    this.anywhere = options.anywhere ?? false
    this.trim = options.trim ?? false
    this.inside = options.inside ?? false
    this.afterTag = this.inside
  }

  push(delta: string): ReasoningEvent[] {
    const events: ReasoningEvent[] = []
    let rest = this.held + delta
    this.held = ''
    while (rest !== '') {
      const { at, sure } = this.findTag(rest)
      this.emit(rest.slice(0, sure), events)
      if (at < 0) {
        this.held = rest.slice(sure)
        break
      }
      rest = rest.slice(at + (this.inside ? this.tags.close : this.tags.open).length)
      this.inside = !this.inside
      this.blank = ''
      this.afterTag = true
    }
    return events
  }

  /** Gives out what was held back. */
  end(): ReasoningEvent[] {
    const events: ReasoningEvent[] = []
    this.emit(this.held, events)
    if (!this.afterTag) this.give(this.blank, events)
    this.held = ''
    this.blank = ''
    return events
  }

  /** @returns where the tag that would change the state begins (−1: nowhere yet) and how much before it is sure */
  private findTag(text: string): { at: number; sure: number } {
    const leading = !this.inside && !this.anywhere
    if (leading && this.hasText) return { at: -1, sure: text.length }
    const tag = this.inside ? this.tags.close : this.tags.open
    const at = text.indexOf(tag)
    const sure = at < 0 ? text.length - partialLength(text, tag) : at
    // Text before the mark makes it a word like any other.
    if (leading && text.slice(0, sure).trim() !== '') return { at: -1, sure: text.length }
    return { at, sure }
  }

  private emit(text: string, events: ReasoningEvent[]): void {
    if (!this.inside && text.trim() !== '') this.hasText = true
    this.give(this.trim ? this.trimmed(text) : text, events)
  }

  private give(delta: string, events: ReasoningEvent[]): void {
    if (delta === '') return
    const type = this.inside ? 'reasoning-delta' : 'text-delta'
    const last = events.at(-1)
    if (last?.type === type) last.delta += delta
    else events.push({ type, delta })
  }

  /** Drops white space after a tag and holds back what may come to stand before one. */
  private trimmed(text: string): string {
    const whole = this.blank + (this.afterTag ? text.trimStart() : text)
    const body = whole.trimEnd()
    if (body !== '') this.afterTag = false
    this.blank = whole.slice(body.length)
    return body
  }
}

/** @returns the length of the longest end of the text that begins the tag, short of the whole */
function partialLength(text: string, tag: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) {
    if (tag.startsWith(text.slice(text.length - length))) return length
  }
  return 0
}
