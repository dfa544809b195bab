import { StateReader } from '../streams/state.ts'
import { type Json, Stream } from '../streams/stream.ts'
import { type Example, teaches } from './example.ts'
import { rowLength, rowOf, type TokenRow } from './row.ts'

export interface PackOptions {
  /** S, tokens of a row. */
  readonly length: number
  /** Id of padding. */
  readonly pad: number
  /** Examples laid out at once: more fill the rows better. 1 gives each example a row of its own. Default 256. */
  readonly pool?: number
}

/** What became of the examples. */
export interface PackCounts {
  readonly examples: number
  readonly rows: number
  /** Places of rows that hold a token. */
  readonly tokens: number
  /** Examples that were longer than a row and lost their end. */
  readonly truncated: number
  /** Examples in which nothing was left to learn. */
  readonly dropped: number
}

const none: PackCounts = { examples: 0, rows: 0, tokens: 0, truncated: 0, dropped: 0 }

/** Whole examples laid into rows by best fit, hidden from each other. For fine-tuning. */
export class PackedRows extends Stream<TokenRow> {
  private readonly source: Stream<Example>
  private readonly length: number
  private readonly pad: number
  private readonly pool: number
  private rows: readonly (readonly Example[])[] = []
  private row = 0
  private before: { source: Json; counts: PackCounts }
  private counted = none

  constructor(source: Stream<Example>, { length, pad, pool = 256 }: PackOptions) {
    super()
    this.source = source
    this.length = length
    this.pad = pad
    this.pool = pool
    this.before = { source: source.state(), counts: none }
  }

  /** Counts of all that was read so far. */
  counts(): PackCounts {
    return this.counted
  }

  async next(): Promise<TokenRow | undefined> {
    while (this.row >= this.rows.length) if (!(await this.fill())) return undefined
    return rowOf(this.rows[this.row++] as readonly Example[], this.length, this.pad)
  }

  state(): Json {
    const within = this.row < this.rows.length
    const { source, counts } = within ? this.before : { source: this.source.state(), counts: this.counted }
    return { source, counts: { ...counts }, row: within ? this.row : 0 }
  }

  async restore(state: Json): Promise<void> {
    const saved = new StateReader('packed rows', state)
    const counts = new StateReader('packed rows', saved.any('counts'))
    await this.source.restore(saved.any('source'))
    this.counted = {
      examples: counts.count('examples'),
      rows: counts.count('rows'),
      tokens: counts.count('tokens'),
      truncated: counts.count('truncated'),
      dropped: counts.count('dropped'),
    }
    this.rows = []
    const row = saved.count('row')
    if (row > 0) await this.fill()
    if (row > 0 && row >= this.rows.length) throw saved.wrong('its examples give fewer rows now')
    this.row = row
  }

  override close(): Promise<void> {
    return this.source.close()
  }

  /** Reads the next pool and lays it out. @returns false at the end */
  private async fill(): Promise<boolean> {
    this.before = { source: this.source.state(), counts: this.counted }
    const examples: Example[] = []
    let { examples: seen, truncated, dropped } = this.counted
    while (examples.length < this.pool) {
      const example = await this.source.next()
      if (example === undefined) break
      seen += 1
      const fits = rowLength(example) <= this.length
      const kept = fits
        ? example
        : { ids: example.ids.slice(0, this.length + 1), weights: example.weights.slice(0, this.length + 1) }
      if (!teaches(kept)) dropped += 1
      else {
        if (!fits) truncated += 1
        examples.push(kept)
      }
    }
    this.rows = this.pool === 1 ? examples.map((example) => [example]) : bestFit(examples, this.length)
    this.row = 0
    const tokens = examples.reduce((sum, example) => sum + rowLength(example), this.counted.tokens)
    this.counted = { examples: seen, rows: this.counted.rows + this.rows.length, tokens, truncated, dropped }
    return examples.length > 0
  }
}

/** Best fit, longest first; the rows then come in the order of their first examples. */
function bestFit(examples: readonly Example[], length: number): Example[][] {
  const bins: { left: number; ordinals: number[] }[] = []
  const order = [...examples.keys()].sort((a, b) => lengthOf(b) - lengthOf(a) || a - b)
  function lengthOf(ordinal: number): number {
    return rowLength(examples[ordinal] as Example)
  }
  for (const ordinal of order) {
    const needed = lengthOf(ordinal)
    let best: (typeof bins)[number] | undefined
    for (const bin of bins) if (bin.left >= needed && (best === undefined || bin.left < best.left)) best = bin
    if (best === undefined) bins.push({ left: length - needed, ordinals: [ordinal] })
    else {
      best.left -= needed
      best.ordinals.push(ordinal)
    }
  }
  for (const { ordinals } of bins) ordinals.sort((a, b) => a - b)
  bins.sort((a, b) => (a.ordinals[0] as number) - (b.ordinals[0] as number))
  return bins.map(({ ordinals }) => ordinals.map((ordinal) => examples[ordinal] as Example))
}
