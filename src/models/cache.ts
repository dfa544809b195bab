import { bufferShape, type Cache, type LayerLayout, placesFor } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import type { ArrayTree } from '../runtime/jit.ts'
import { scaleBufferShape } from '../tensor/index.ts'
import type { Model } from './model.ts'

/**
 * What keys and values are kept in: i8 has a scale for each head and place; vectors that all heads share are f16 then.
 */
export type CacheDType = 'f32' | 'f16' | 'i8'

/** The type of a buffer of the cache. */
export interface BufferType {
  readonly dtype: CacheDType
  readonly shape: readonly number[]
}

/**
 * The buffers of one layer, by name.
 *
 * @param layout one layer of a model's `cacheLayout`
 * @param slots sequences side by side
 * @param tokens most tokens of a sequence
 */
export function bufferTypes(
  layout: LayerLayout,
  slots: number,
  tokens: number,
  dtype: CacheDType = 'f32',
): Readonly<Record<string, BufferType>> {
  const places = placesFor(tokens)
  const buffers = mapEntries(
    layout,
    (entry): BufferType => ({
      dtype: dtype === 'i8' && entry.kind === 'vectors' ? 'f16' : dtype,
      shape: bufferShape(entry, slots, places) as readonly number[],
    }),
  )
  const { keys } = layout
  if (dtype !== 'i8' || keys?.kind !== 'keys') return buffers
  const scales: BufferType = { dtype: 'f32', shape: scaleBufferShape(slots, places, keys.heads) as readonly number[] }
  return { ...buffers, keyScales: scales, valueScales: scales }
}

/** The arrays of a cache, in the structure in which `forward` takes and returns it. */
export type CacheArrays = ArrayTree<Cache>

/**
 * An empty cache on the CPU.
 *
 * @param rows sequences side by side
 * @param tokens most tokens of a row
 */
export function emptyCache(
  { cacheLayout }: Model,
  rows: number,
  tokens: number,
  { dtype = 'f32' }: { readonly dtype?: CacheDType } = {},
): CacheArrays {
  return {
    lengths: NDArray.zeros([rows], 'i64'),
    layers: cacheLayout.map((layout) =>
      mapEntries(bufferTypes(layout, rows, tokens, dtype), (type) => NDArray.zeros(type.shape, type.dtype)),
    ),
  }
}

/** A record with each value mapped. */
function mapEntries<Value, Result>(record: Readonly<Record<string, Value>>, map: (value: Value) => Result) {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)] as const))
}
