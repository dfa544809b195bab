import type { Cache } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import type { ArrayTree } from '../runtime/jit.ts'
import type { Model } from './model.ts'

/** The arrays of a cache, in the structure in which `forward` takes and returns it. */
export type CacheArrays = ArrayTree<Cache>

/**
 * An empty cache on the CPU.
 *
 * @param rows sequences side by side
 * @param slots most tokens of a row
 */
export function emptyCache({ cacheLayout }: Model, rows: number, slots: number): CacheArrays {
  return {
    lengths: NDArray.zeros([rows], 'i64'),
    layers: cacheLayout.map((layout) =>
      Object.fromEntries(
        Object.entries(layout).map(([name, slot]) => [name, NDArray.zeros([rows, slots, ...slot])] as const),
      ),
    ),
  }
}
