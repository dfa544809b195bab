import { NDArray } from '../../src/runtime/array.ts'

/** Numbers between `low` and 1 that look random; the same in every run. */
export function floats(shape: readonly number[], low = -1): NDArray {
  const array = NDArray.zeros(shape)
  const { data } = array
  let state = 12345
  for (let index = 0; index < data.length; index++) {
    state = (state * 1103515245 + 12345) % 2147483648
    data[index] = low + (1 - low) * (state / 2147483648)
  }
  return array
}

/** Whole numbers from 0 to `end` − 1 spread over their range. */
export function integers(shape: readonly number[], end: number): NDArray<'i64'> {
  const array = NDArray.zeros(shape, 'i64')
  const { data } = array
  for (let index = 0; index < data.length; index++) data[index] = BigInt((index * 7919) % end)
  return array
}
