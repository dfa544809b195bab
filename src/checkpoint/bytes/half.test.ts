import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { f8E4M3Table, f8E5M2Table, halfTable, toBrainBits, toHalfBits } from './half.ts'

describe('16-bit floats', () => {
  it('come back with the same bits, whatever the bits', () => {
    const changed = [...halfTable().entries()].filter(
      ([bits, value]) => !Number.isNaN(value) && toHalfBits(value) !== bits,
    )
    expect(changed).toEqual([])
  })

  it('are the nearest ones to any f32, ties going to the even one', () => {
    const table = halfTable()
    fc.assert(
      fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (value) => {
        const bits = toHalfBits(value)
        const error = Math.abs((table[bits] as number) - value)
        for (const other of [bits - 1, bits + 1]) {
          const neighbour = table[other & 65535] as number
          if (Number.isFinite(neighbour) && Math.sign(neighbour) === Math.sign(value)) {
            const otherError = Math.abs(neighbour - value)
            expect(error < otherError || (error === otherError && bits % 2 === 0)).toBe(true)
          }
        }
      }),
    )
  })

  it('become infinite beyond their range and stay NaN', () => {
    expect(toHalfBits(65520)).toBe(0x7c00)
    expect(toHalfBits(-1e9)).toBe(0xfc00)
    expect(toHalfBits(Number.NaN)).toBe(0x7e00)
    expect(toBrainBits(Number.NaN)).toBe(0x7fc0)
    expect(toBrainBits(3.4e38)).toBe(0x7f80)
  })
})

describe('8-bit floats', () => {
  it('reach the limits of their formats', () => {
    expect(f8E4M3Table()[0x7e]).toBe(448)
    expect(f8E4M3Table()[0x7f]).toBeNaN()
    expect(f8E4M3Table()[0x01]).toBe(2 ** -9)
    expect(f8E5M2Table()[0x7b]).toBe(57344)
    expect(f8E5M2Table()[0xfc]).toBe(-Infinity)
  })
})
