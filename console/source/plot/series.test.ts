import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aligned, smoothed, thinned } from './series.ts'

const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true })

describe('series of a plot', () => {
  it('keep their lowest, highest, first-most and last value when thinned', () => {
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1, maxLength: 500 }), fc.integer({ min: 4, max: 100 }), (y, most) => {
        const x = y.map((_, step) => step)
        const thin = thinned({ label: '', x, y }, most)
        expect(Math.min(...thin.y)).toBe(Math.min(...y))
        expect(Math.max(...thin.y)).toBe(Math.max(...y))
        expect(thin.x.at(-1)).toBe(x.at(-1))
        expect(thin.x.length).toBeLessThanOrEqual(most + 3)
        expect([...thin.x].sort((one, other) => one - other)).toEqual(thin.x)
      }),
    )
  })

  it('are smoothed without a pull towards zero at the beginning', () => {
    expect(smoothed([5, 5, 5], 0.9).map((value) => value.toFixed(6))).toEqual(['5.000000', '5.000000', '5.000000'])
    expect(smoothed([1, 2, 3], 0)).toEqual([1, 2, 3])
  })

  it('of different runs share one axis', () => {
    const one = { label: 'one', x: [1, 3], y: [10, 30] }
    const two = { label: 'two', x: [2, 3], y: [200, 300] }
    expect(aligned([one, two])).toEqual([
      [1, 2, 3],
      [10, null, 30],
      [null, 200, 300],
    ])
  })
})
