import type { ReadCall, ToolFormat } from './formats.ts'

/** A part of an answer: text, or calls that are complete. */
export type ToolPart = { readonly text: string } | { readonly calls: readonly ReadCall[] }

/**
 * Finds calls of tools in an answer as it comes. What may yet become a mark is held back; what looked like a call and is none
 * is given out as the text that it is.
 */
export class ToolParser {
  private readonly format: ToolFormat
  /** Text that is not given out yet: the possible beginning of a mark, or a call that is not over. */
  private held = ''
  /** The mark that began the call. */
  private open: string | undefined
  private isAtStart = true
  /** What of `held` was searched for the end. */
  private searched = 0

  constructor(format: ToolFormat) {
    this.format = format
  }

  push(delta: string): ToolPart[] {
    this.held += delta
    const parts: ToolPart[] = []
    while (this.open === undefined ? this.findOpen(parts) : this.findClose(parts)) {
      // One mark after the other.
    }
    return parts
  }

  /** What was held back, once there is no more. */
  end(): ToolPart[] {
    const { held, open } = this
    this.held = ''
    if (held === '' && open === undefined) return []
    return open === undefined ? [{ text: held }] : [this.partOf(open, held, '')]
  }

  /** @returns whether a call began */
  private findOpen(parts: ToolPart[]): boolean {
    const { opens, bare } = this.format
    const { held } = this
    const starts = opens.map((open) => ({ open, at: held.indexOf(open) })).filter(({ at }) => at >= 0)
    if (this.isAtStart && bare !== undefined && held.trimStart().startsWith(bare)) starts.push({ open: '', at: 0 })
    const [first] = starts.sort((left, right) => left.at - right.at)
    if (first) {
      this.give(held.slice(0, first.at), parts)
      this.held = held.slice(first.at + first.open.length)
      this.open = first.open
      this.searched = 0
      return true
    }
    const blank = this.isAtStart && held.trim() === ''
    const kept = blank ? held.length : Math.max(...opens.map((open) => beginningAtEnd(held, open)))
    this.give(held.slice(0, held.length - kept), parts)
    this.held = held.slice(held.length - kept)
    return false
  }

  /** @returns whether the call ended */
  private findClose(parts: ToolPart[]): boolean {
    const { close } = this.format
    if (close === undefined) return false
    const at = this.held.indexOf(close, Math.max(0, this.searched - close.length))
    this.searched = this.held.length
    if (at < 0) return false
    parts.push(this.partOf(this.open as string, this.held.slice(0, at), close))
    this.held = this.held.slice(at + close.length)
    this.open = undefined
    this.isAtStart = false
    return true
  }

  private partOf(open: string, body: string, close: string): ToolPart {
    const calls = this.format.read(body)
    return calls ? { calls } : { text: open + body + close }
  }

  private give(text: string, parts: ToolPart[]): void {
    if (text === '') return
    // White space between two calls is none of the answer.
    if (text.trim() !== '') this.isAtStart = false
    parts.push({ text })
  }
}

/** The length of the longest end of the text that begins the mark, short of the whole. */
function beginningAtEnd(text: string, mark: string): number {
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(mark.slice(0, length))) return length
  }
  return 0
}
