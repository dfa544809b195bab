import {
  add,
  cast,
  cumulativeSum,
  type Dimension,
  dimensionValue,
  equal,
  greaterOrEqual,
  iota,
  modulo,
  multiply,
  reshape,
  scatterRows,
  subtract,
  sum,
  type Tensor,
} from '../tensor/index.ts'

/*
 * What attention remembers of earlier tokens: buffers of T slots a row, filled from the front. B rows, S new tokens a row.
 */

/** What one layer keeps, by name; each buffer is `[B, T, …]`. */
export type LayerBuffers = Readonly<Record<string, Tensor>>

/** The memory of all layers as it stands between two steps. */
export interface Cache {
  /** i64 `[B]`: how many slots of each row are taken. */
  readonly lengths: Tensor
  readonly layers: readonly LayerBuffers[]
}

/** Where the tokens of one step go. */
interface Placement {
  /** i64 `[B, S]`: the slot of each token. Padding goes behind the others, where the next step overwrites it. */
  readonly slots: Tensor
  /** i64 `[B]`: the slot at which the row's first token stands, padding in front of it counted as if it had slots. */
  readonly offsets: Tensor
  /** i64 `[B]`: slots taken after the step. */
  readonly lengths: Tensor
}

function place(lengths: Tensor, shape: readonly [Dimension, Dimension], segments: Tensor | undefined): Placement {
  const [batch, time] = shape
  const column = (tensor: Tensor) => reshape(tensor, [batch, 1])
  const [steps, count] = [iota(time), dimensionValue(time, 'i64')]
  if (!segments) return { slots: add(column(lengths), steps), offsets: lengths, lengths: add(lengths, count) }
  const real = cast(greaterOrEqual(segments, 0), 'i64')
  const inFront = sum(cast(equal(cumulativeSum(real, 1), 0), 'i64'), { axes: [1] })
  // Padding in front goes to the end of the step's slots: the row is turned.
  const turned = modulo(subtract(steps, column(inFront)), count)
  return {
    slots: add(column(lengths), turned),
    offsets: subtract(lengths, inFront),
    lengths: add(lengths, sum(real, { axes: [1] })),
  }
}

/** The memory of one layer during a step. */
export interface LayerCache {
  /** i64 `[B]`: the slot of each row's first query. */
  readonly offsets: Tensor
  /**
   * Writes what the new tokens leave behind.
   *
   * @param rows `[B, S, …]`
   * @returns the whole buffer `[B, T, …]`, the new rows in it
   */
  append(name: string, rows: Tensor): Tensor
}

/** One step over a cache: layers append to it, and afterwards `updated` is the cache for the next step. */
export class CacheStep {
  private readonly before: Cache
  private readonly placement: Placement
  private readonly layers: Record<string, Tensor>[]

  /**
   * @param shape extents B and S of the step
   * @param segments i64 `[B, S]`: −1 is padding, in front of the tokens or behind them; without it there is none
   */
  constructor(cache: Cache, shape: readonly [Dimension, Dimension], segments?: Tensor) {
    this.before = cache
    this.placement = place(cache.lengths, shape, segments)
    this.layers = cache.layers.map((buffers) => ({ ...buffers }))
  }

  layer(index: number): LayerCache {
    const { slots, offsets } = this.placement
    const buffers = this.layers[index] as Record<string, Tensor>
    return {
      offsets,
      append(name, rows) {
        const buffer = buffers[name] as Tensor
        const [batch, capacity, ...rest] = buffer.shape as readonly Dimension[] as [
          Dimension,
          Dimension,
          ...Dimension[],
        ]
        const begins = multiply(reshape(iota(batch), [batch, 1]), dimensionValue(capacity, 'i64'))
        const table = reshape(buffer, [-1, ...rest])
        const written = reshape(scatterRows(table, add(begins, slots), rows), buffer.shape)
        buffers[name] = written
        return written
      },
    }
  }

  get updated(): Cache {
    return { lengths: this.placement.lengths, layers: this.layers }
  }

  /** Number of slots a row, T. */
  get capacity(): Dimension {
    const [first] = Object.values(this.before.layers[0] ?? {})
    return first?.shape[1] ?? 0
  }
}
