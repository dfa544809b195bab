import { StateReader } from '../streams/state.ts'
import { type Json, Stream } from '../streams/stream.ts'
import type { Example } from './example.ts'
import { emptyRow, type TokenRow } from './row.ts'

export interface ContiguousOptions {
  /** S, tokens of a row. */
  readonly length: number
  /** Id of padding; only the last row has any. */
  readonly pad: number
  /**
   * Whether texts of one row are hidden from each other. Without, a row is one stretch of text that reads across the ends
   * of texts, as is common in pretraining.
   */
  readonly isolated: boolean
}

interface Part {
  readonly example: Example
  /** Where the source stood before it. */
  readonly before: Json
  /** Its first token that belongs to the next row. */
  from: number
}

/** Texts end to end, cut into rows: no token is lost and every one but the very first is a target once. For pretraining. */
export class ContiguousRows extends Stream<TokenRow> {
  private readonly source: Stream<Example>
  private readonly options: ContiguousOptions
  private parts: Part[] = []

  constructor(source: Stream<Example>, options: ContiguousOptions) {
    super()
    this.source = source
    this.options = options
  }

  async next(): Promise<TokenRow | undefined> {
    const { length, pad, isolated } = this.options
    let available = this.parts.reduce((sum, { example, from }) => sum + example.ids.length - from, 0)
    while (available <= length) {
      const before = this.source.state()
      const example = await this.source.next()
      if (example === undefined) break
      this.parts.push({ example, before, from: 0 })
      available += example.ids.length
    }
    if (available < 2) return undefined

    const row = emptyRow(length, pad)
    let at = 0
    for (const [segment, { example, from }] of this.parts.entries()) {
      const ids = example.ids.subarray(from, from + length + 1 - at)
      const weights = example.weights.subarray(from, from + ids.length)
      const placed = Math.min(ids.length, length - at)
      row.ids.set(ids.subarray(0, placed), at)
      row.segments.fill(isolated ? segment : 0, at, at + placed)
      for (let index = 0; index < placed; index++) row.positions[at + index] = isolated ? index : at + index
      // Each token is the target of the place before it; a text's first one follows from nothing where texts are apart.
      for (let index = 0; index < ids.length; index++) {
        if (at + index === 0) continue
        row.targets[at + index - 1] = ids[index] as number
        row.weights[at + index - 1] = isolated && index === 0 ? 0 : (weights[index] as number)
      }
      at += placed
    }
    // At the very end the last token has no successor: it is a target only.
    if (available <= length) {
      row.ids[available - 1] = pad
      row.segments[available - 1] = -1
      row.positions[available - 1] = 0
    }
    this.drop(length)
    return row
  }

  state(): Json {
    const first = this.parts[0]
    return { source: first?.before ?? this.source.state(), from: first?.from ?? 0 }
  }

  async restore(state: Json): Promise<void> {
    const saved = new StateReader('rows cut from texts', state)
    await this.source.restore(saved.any('source'))
    this.parts = []
    const from = saved.count('from')
    if (from === 0) return
    const before = this.source.state()
    const example = await this.source.next()
    if (example === undefined || example.ids.length <= from) throw saved.wrong('the text it stood in is shorter now')
    this.parts.push({ example, before, from })
  }

  override close(): Promise<void> {
    return this.source.close()
  }

  /** Takes the tokens of a finished row away. */
  private drop(count: number): void {
    let left = count
    while (this.parts[0] && left > 0) {
      const [part] = this.parts as [Part]
      const taken = Math.min(part.example.ids.length - part.from, left)
      part.from += taken
      left -= taken
      if (part.from === part.example.ids.length) this.parts.shift()
    }
  }
}
