import { describe, expect, it } from 'vitest'
import { CosineWarmup, schedule } from './schedule.ts'

const options = { rate: 1, steps: 100, warmup: 10 }

describe('schedule', () => {
  it('warms up linearly to the rate', () => {
    const rate = schedule('constant', options)
    expect([1, 5, 10, 11, 100].map(rate)).toEqual([0.1, 0.5, 1, 1, 1])
  })

  it('falls to the minimum at the last step', () => {
    for (const name of ['linear', 'cosine', 'wsd'] as const) {
      const rate = schedule(name, { ...options, minimum: 0.1 })
      expect(rate(10)).toBe(1)
      expect(rate(100)).toBeCloseTo(0.1, 12)
    }
    expect(schedule('cosine', options)(55)).toBeCloseTo(0.5, 12)
    expect(schedule('linear', options)(55)).toBeCloseTo(0.5, 12)
  })

  it('keeps the rate until the decay of wsd', () => {
    const rate = schedule('wsd', { ...options, decay: 20 })
    expect([11, 50, 80].map(rate)).toEqual([1, 1, 1])
    expect(rate(90)).toBeCloseTo(0.5, 12)
  })

  it('warms up for a tenth where nothing is said, and refuses what does not fit', () => {
    expect(schedule('constant', { rate: 1, steps: 100 })(5)).toBe(0.5)
    expect(() => schedule('wsd', { rate: 1, steps: 10, warmup: 8, decay: 5 })).toThrow(/do not fit/)
  })
})

describe('CosineWarmup', () => {
  it('rises over the epochs of warm-up and anneals to the least rate', () => {
    const annealed = new CosineWarmup(2, 10, 1e-3, 1e-5)
    expect(annealed.rate(1)).toBeCloseTo(5e-4, 10)
    expect(annealed.rate(2)).toBeCloseTo(1e-3, 10)
    expect(annealed.rate(6)).toBeCloseTo((1e-3 + 1e-5) / 2, 10)
    expect(annealed.rate(12)).toBeCloseTo(1e-5, 10)
  })
})
