import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from './half.ts'

/** The nearest of all finite values, ties to the even bit pattern: the definition, by brute force. */
function nearest(value: number, decode: (half: number) => number): number {
  let best = 0
  for (let half = 0; half < 0x8000; half++) {
    const candidate = decode(half)
    if (!Number.isFinite(candidate)) break
    const [distance, previous] = [Math.abs(candidate - value), Math.abs(decode(best) - value)]
    if (distance < previous || (distance === previous && half % 2 === 0)) best = half
  }
  return best
}

describe.each([
  ['f16', toFloat16, fromFloat16, 65504],
  ['bf16', toBfloat16, fromBfloat16, 3.3895313892515355e38],
])('%s', (_, encode, decode, largest) => {
  it('keeps every one of its 65536 values', () => {
    for (let half = 0; half < 0x10000; half++) {
      const value = decode(half)
      if (Number.isNaN(value)) expect(decode(encode(value))).toBeNaN()
      else expect(encode(value)).toBe(half)
    }
  })

  it('rounds to the nearest, ties to even', () => {
    const positive = fc.float({ min: 0, max: Math.fround(largest), noNaN: true })
    fc.assert(
      fc.property(positive, (value) => {
        expect(encode(value)).toBe(nearest(value, decode))
      }),
      { numRuns: 60 },
    )
    const halfWay = (decode(0x1234) + decode(0x1235)) / 2
    expect(encode(halfWay)).toBe(0x1234)
  })

  it('overflows to infinity', () => {
    expect(decode(encode(largest * 1.01))).toBe(Number.POSITIVE_INFINITY)
    expect(decode(encode(Number.NEGATIVE_INFINITY))).toBe(Number.NEGATIVE_INFINITY)
  })
})
