import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeInt8, decodeNF4, encodeInt8, encodeNF4, nf4Levels } from './codes.ts'
import { errorFunction } from './testing/plain.ts'

/** The number below which a share of a normal distribution lies, by bisection. */
function quantile(share: number): number {
  let [low, high] = [-10, 10]
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2
    if ((1 + errorFunction(middle / Math.SQRT2)) / 2 < share) low = middle
    else high = middle
  }
  return (low + high) / 2
}

const spaced = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, at) => from + ((to - from) * at) / (count - 1))

/** Scales below the normal numbers of f32 are rounded themselves. */
const denormal = 1e-40

const blocks = fc.integer({ min: 1, max: 40 }).map((half) => 2 * half)
const numbers = fc
  .array(fc.tuple(fc.float({ noNaN: true, min: -1000, max: 1000 }), fc.float({ noNaN: true, min: -1, max: 1 })), {
    minLength: 1,
    maxLength: 150,
  })
  .map((pairs) => Float32Array.from(pairs.flat()))

/** Largest absolute value of the block of each number. */
const largestAround = (values: Float32Array, block: number) => (at: number) => {
  const start = Math.floor(at / block) * block
  return Math.max(...values.subarray(start, start + block).map(Math.abs))
}

describe('NF4', () => {
  it('has the levels of its definition: quantiles, eight above zero and seven below, scaled to one', () => {
    // As bitsandbytes' create_normal_map: the outermost quantile lies midway between two estimates of the last bin.
    const offset = 0.9677083
    const above = spaced(offset, 0.5, 9).slice(0, -1).map(quantile)
    const below = spaced(offset, 0.5, 8)
      .slice(0, -1)
      .map((share) => -quantile(share))
    const levels = [...below, 0, ...above.toReversed()].map((level) => level / quantile(offset))
    expect(levels).toHaveLength(nf4Levels.length)
    for (const [at, level] of levels.entries()) expect(nf4Levels[at]).toBeCloseTo(level, 6)
  })

  it('packs two codes a byte, the first in the high half', () => {
    expect(encodeNF4(Float32Array.of(-2, 2, 0, 0.9), 4)).toEqual({
      codes: Uint8Array.of(0x0f, 0x7c),
      scales: Float32Array.of(2),
    })
  })

  it('takes the nearest level of its block, so that no number is off by more than half the widest gap', () => {
    fc.assert(
      fc.property(numbers, blocks, (values, block) => {
        const decoded = decodeNF4(encodeNF4(values, block), block)
        const around = largestAround(values, block)
        for (const [at, value] of values.entries()) {
          const largest = around(at)
          const nearest = Math.min(...nf4Levels.map((level) => Math.abs(value - largest * level)))
          expect(Math.abs((decoded[at] as number) - value)).toBeLessThanOrEqual(nearest + largest * 1e-6 + denormal)
          expect(Math.abs((decoded[at] as number) - value)).toBeLessThanOrEqual(largest * 0.152 + denormal)
        }
      }),
    )
  })

  it('keeps zeros, and what it has encoded before', () => {
    expect(decodeNF4(encodeNF4(new Float32Array(64)))).toEqual(new Float32Array(64))
    const once = decodeNF4(encodeNF4(Float32Array.from({ length: 128 }, (_, at) => Math.sin(at * at))))
    expect(decodeNF4(encodeNF4(once))).toEqual(once)
  })
})

describe('int8', () => {
  it('is off by half a step at most, a step being the largest number of the block / 127', () => {
    fc.assert(
      fc.property(numbers, blocks, (values, block) => {
        const decoded = decodeInt8(encodeInt8(values, block), block)
        const around = largestAround(values, block)
        for (const [at, value] of values.entries()) {
          expect(Math.abs((decoded[at] as number) - value)).toBeLessThanOrEqual(
            around(at) * (0.5 / 127 + 1e-6) + denormal,
          )
        }
      }),
    )
  })

  it('reaches −127 and 127 and keeps zeros', () => {
    expect(encodeInt8(Float32Array.of(-2, 2, 0, 0, 0, 0), 3)).toEqual({
      codes: Int8Array.of(-127, 127, 0, 0, 0, 0),
      scales: Float32Array.of(2 / 127, 0),
    })
  })
})
