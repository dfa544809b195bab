import {
  add,
  appendRows,
  type CachedAttentionOptions,
  type CachedLatentOptions,
  cachedAttention,
  cachedLatentAttention,
  type Dimension,
  keyBufferShape,
  placeBlock,
  type Shape,
  type StepRows,
  slotRows,
  stepSpan,
  subtract,
  type Tensor,
  valueBufferShape,
  withSlotRows,
} from '../tensor/index.ts'

/*
 * What attention remembers of earlier tokens: buffers of R slots with T places each, filled from the front. B rows of a
 * step, S new tokens a row.
 */

/** What a layer keeps of a token: a key or value for each of its heads, or one vector for all. */
export type CacheEntry =
  | { readonly kind: 'keys' | 'values'; readonly heads: number; readonly width: number }
  | { readonly kind: 'vectors'; readonly width: number }

/** What one layer keeps of a token, by name. */
export type LayerLayout = Readonly<Record<string, CacheEntry>>

/** The least number of places, at least `tokens`, that a buffer can have. */
export const placesFor = (tokens: number): number => Math.ceil(tokens / placeBlock) * placeBlock

/**
 * The shape of a buffer: keys `[R, K, T/16, d, 16]`, values `[R, K, T, d]`, vectors `[R, T, c]`.
 *
 * @param slots R
 * @param places T, a multiple of 16
 */
export function bufferShape(entry: CacheEntry, slots: Dimension, places: number): Shape {
  if (entry.kind === 'vectors') return [slots, places, entry.width]
  return (entry.kind === 'keys' ? keyBufferShape : valueBufferShape)(slots, places, entry.heads, entry.width)
}

/** What one layer keeps, by name, in the shapes of `bufferShape`; of int8 also `keyScales` and `valueScales`, `[R, K, T, 1]`. */
export type LayerBuffers = Readonly<Record<string, Tensor>>

/** The memory of all layers as it stands between two steps. */
export interface Cache {
  /** i64 `[B]`: how many places of each row are taken. */
  readonly lengths: Tensor
  /** i64 `[B]`: the slot of each row of the step, every slot at most once; without it row b has slot b. */
  readonly slots?: Tensor | undefined
  readonly layers: readonly LayerBuffers[]
}

/** Number of places a slot, T; 0 without layers. */
export function placesOf({ layers: [first] }: Cache): Dimension {
  const { values, latent } = first ?? {}
  return values?.shape[2] ?? latent?.shape[1] ?? 0
}

/** The memory of one layer during a step. */
export interface LayerCache {
  /** i64 `[B]`: the place of each row's first query, padding in front of it counted as if it had places. */
  readonly offsets: Tensor
  /**
   * Writes one vector for each new token.
   *
   * @param name of a buffer of vectors
   * @param rows `[B, S, c]`
   * @returns the vectors of the step's rows, the new ones among them: `[B, T, c]`
   */
  append(name: string, rows: Tensor): Tensor
  /**
   * Writes one vector for each new token, and mixes the first features of the vectors that each query sees.
   *
   * @param name of a buffer of vectors
   * @param q `[B, S, H, c]`
   * @param rows `[B, S, c]`
   * @returns `[B, S, H, e]`
   */
  attendVectors(name: string, q: Tensor, rows: Tensor, options: Omit<CachedLatentOptions, keyof StepRows>): Tensor
  /**
   * Writes the new keys and values, and mixes the values that each query sees.
   *
   * @param q `[B, S, H, d]`
   * @param k `[B, S, K, d]`
   * @param v `[B, S, K, d]`
   * @returns `[B, S, H, d]`
   */
  attend(q: Tensor, k: Tensor, v: Tensor, options: Omit<CachedAttentionOptions, keyof StepRows | 'scales'>): Tensor
}

/** One step over a cache: layers append to it, and afterwards `updated` is the cache for the next step. */
export class CacheStep {
  private readonly rows: StepRows
  private readonly offsets: Tensor
  private readonly lengths: Tensor
  private readonly layers: Record<string, Tensor>[]

  /**
   * @param shape extents B and S of the step
   * @param segments i64 `[B, S]`: −1 is padding, in front of the tokens or behind them; without it there is none
   */
  constructor({ lengths, slots, layers }: Cache, [, time]: readonly [Dimension, Dimension], segments?: Tensor) {
    const { front, count } = stepSpan(segments, time)
    this.rows = { lengths, slots, segments }
    this.offsets = front ? subtract(lengths, front) : lengths
    this.lengths = add(lengths, count)
    this.layers = layers.map((buffers) => ({ ...buffers }))
  }

  layer(index: number): LayerCache {
    const { rows: step, offsets } = this
    const buffers = this.layers[index] as Record<string, Tensor>
    return {
      offsets,
      append(name, rows) {
        const buffer = buffers[name] as Tensor
        const all = appendRows(slotRows(buffer, step), rows, step)
        buffers[name] = withSlotRows(buffer, step, all)
        return all
      },
      attendVectors(name, q, rows, options) {
        const { mixed, vectors } = cachedLatentAttention(q, rows, buffers[name] as Tensor, { ...options, ...step })
        buffers[name] = vectors
        return mixed
      },
      attend(q, k, v, options) {
        const { keys, values, keyScales, valueScales } = buffers as Record<'keys' | 'values', Tensor> & LayerBuffers
        const scales = keyScales && valueScales && { keys: keyScales, values: valueScales }
        const attended = cachedAttention(q, k, v, keys, values, { ...options, ...step, scales })
        buffers.keys = attended.keys
        buffers.values = attended.values
        if (attended.scales) {
          buffers.keyScales = attended.scales.keys
          buffers.valueScales = attended.scales.values
        }
        return attended.mixed
      },
    }
  }

  get updated(): Cache {
    return { lengths: this.lengths, slots: this.rows.slots, layers: this.layers }
  }
}
