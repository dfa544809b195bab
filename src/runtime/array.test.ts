import { describe, expect, it } from 'vitest'
import type { R1Error } from '../errors.ts'
import { NDArray } from './array.ts'
import { alignment } from './memory.ts'
import { addressOf } from './ort/address.ts'

function codeOf(action: () => unknown): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    return (error as R1Error).code
  }
}

describe('an array', () => {
  it('holds what it was made from', () => {
    const array = NDArray.from([1, 2, 3, 4, 5, 6], [2, 3])
    expect(array.data).toEqual(new Float32Array([1, 2, 3, 4, 5, 6]))
    expect([array.size, array.byteLength, array.device]).toEqual([6, 24, 'cpu'])
    expect(NDArray.from([1n, -2n], [2], 'i64').data).toEqual(new BigInt64Array([1n, -2n]))
    expect(NDArray.from([1, -2], [2], 'i64').data).toEqual(new BigInt64Array([1n, -2n]))
    expect(NDArray.from([true, false, 7], [3], 'bool').toNumbers()).toEqual([1, 0, 1])
    expect(NDArray.from([1.5, -0.25], [2], 'f16').toNumbers()).toEqual([1.5, -0.25])
    expect(NDArray.from([1.5, -0.25], [2], 'bf16').toNumbers()).toEqual([1.5, -0.25])
    expect(NDArray.scalar(3, 'i32').toNumbers()).toEqual([3])
    expect(NDArray.zeros([0, 4]).toNumbers()).toEqual([])
  })

  it('begins on a 64-byte border, however small it is', () => {
    for (const length of [1, 3, 16, 17, 1000, 300_000])
      expect(Number(addressOf(NDArray.zeros([length]).bytes) % BigInt(alignment))).toBe(0)
  })

  it('empties its views when it is disposed, and refuses further use', () => {
    const array = NDArray.zeros([1000])
    const { data, bytes } = array
    array.dispose()
    array.dispose()
    expect([data.length, bytes.length]).toEqual([0, 0])
    expect(codeOf(() => array.data)).toBe('disposed')
    expect(codeOf(() => array.bytes)).toBe('disposed')
  })

  it('may be longer than what older versions of Node can show, and says so there', () => {
    const length = 2 ** 32 + 64
    using array = NDArray.zeros([length], 'u8')
    expect(array.byteLength).toBe(length)
    const code = codeOf(() => array.data)
    if (code === undefined) expect(array.data.length).toBe(length)
    else expect(code).toBe('array-too-long')
  })

  it('says what is wrong with a shape', () => {
    expect(codeOf(() => NDArray.from([1, 2, 3], [2, 2]))).toBe('bad-shape')
    expect(codeOf(() => NDArray.zeros([-1]))).toBe('bad-shape')
    expect(codeOf(() => NDArray.zeros([1.5]))).toBe('bad-shape')
    expect(codeOf(() => NDArray.zeros([2 ** 45]))).toBe('out-of-memory')
  })
})
