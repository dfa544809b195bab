import { bufferTypes, type CacheDType } from '../models/cache.ts'
import type { Model } from '../models/index.ts'
import type { Cache } from '../nn/index.ts'
import type { NDArray } from '../runtime/array.ts'
import { assign, type Tensor, variable } from '../tensor/index.ts'

/*
 * The memory of a running engine: buffers of R slots with T places each for every layer. They are variables, so that every
 * program of the engine reads and writes the same memory.
 */

/** How much an engine's cache holds. */
export interface CacheSize {
  /** Sequences side by side, R. */
  readonly slots: number
  /** Most tokens of one sequence. */
  readonly tokens: number
  /** What keys and values are kept in. */
  readonly dtype: CacheDType
}

const nameOf = (layer: number, name: string): string => `engine.cache.${layer}.${name}`

/** Names and types of the cache's buffers. */
export function cacheBuffers({ cacheLayout }: Model, { slots, tokens, dtype }: CacheSize) {
  return cacheLayout.flatMap((layout, layer) =>
    Object.entries(bufferTypes(layout, slots, tokens, dtype)).map(([name, type]) => ({
      name: nameOf(layer, name),
      ...type,
    })),
  )
}

/**
 * The rows of a step as a cache for `forward`, inside a traced function. `keep` writes what the step added.
 *
 * @param slots i64 `[B]`: the slot of each row of the step, every slot at most once
 * @param lengths i64 `[B]`: places taken of each
 */
export function slotCache({ cacheLayout }: Model, size: CacheSize, slots: Tensor, lengths: Tensor) {
  const layers = cacheLayout.map((layout, layer) =>
    Object.fromEntries(
      Object.entries(bufferTypes(layout, size.slots, size.tokens, size.dtype)).map(
        ([name, type]) => [name, variable(nameOf(layer, name), type)] as const,
      ),
    ),
  )
  const cache: Cache = { lengths, slots, layers }
  const keep = (after: Cache): void => {
    for (const [layer, buffers] of layers.entries())
      for (const [name, buffer] of Object.entries(buffers)) assign(buffer, after.layers[layer]?.[name] as Tensor)
  }
  return { cache, keep }
}

/** Places of a buffer lie together in blocks of so many. */
const block = 16

/**
 * Copies the first places of one slot over those of another.
 *
 * @param buffer keys `[R, K, T/16, d, 16]`, values `[R, K, T, d]`, scales `[R, K, T, 1]` or vectors `[R, T, c]`
 */
export function copyPlaces({ data, shape }: NDArray<CacheDType>, from: number, to: number, length: number): void {
  const row = data.length / (shape[0] as number)
  const heads = shape.length === 3 ? 1 : (shape[1] as number)
  const head = row / heads
  const places = shape.length === 5 ? (shape[2] as number) * block : (shape[shape.length - 2] as number)
  const count = Math.min(places, Math.ceil(length / block) * block) * (head / places)
  for (let index = 0; index < heads; index++) {
    const start = from * row + index * head
    data.copyWithin(to * row + index * head, start, start + count)
  }
}
