import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bootstrap, bootstrapMean } from './bootstrap.ts'
import { classification } from './classification.ts'
import { bitsPerByte, perplexity } from './likelihood.ts'
import { majorityAtK, passAtK, type Vote, verifierBestAtK } from './samples.ts'

/** All sets of k items. */
function subsets<T>(items: readonly T[], k: number): T[][] {
  if (k === 0) return [[]]
  return items.flatMap((item, index) => subsets(items.slice(index + 1), k - 1).map((rest) => [item, ...rest]))
}

const mean = (values: readonly number[]) => values.reduce((left, right) => left + right, 0) / values.length
const outcomes = fc.array(fc.boolean(), { minLength: 1, maxLength: 8 })

describe('pass@k', () => {
  it('is the share of all sets of k that hold a right sample', () => {
    fc.assert(
      fc.property(outcomes, fc.nat(), (correct, number) => {
        const k = 1 + (number % correct.length)
        const share = mean(subsets(correct, k).map((set) => (set.includes(true) ? 1 : 0)))
        expect(passAtK(correct.length, correct.filter(Boolean).length, k)).toBeCloseTo(share, 12)
      }),
    )
  })

  it('does not overflow for many samples', () => {
    expect(passAtK(10_000, 1, 5000)).toBeCloseTo(0.5, 9)
  })

  it.each([0, 1.5, 6])('refuses k = %d of 5 samples', (k) => {
    expect(() => passAtK(5, 1, k)).toThrow('there are 5 samples')
  })
})

describe('verifier-best@k', () => {
  it('is the share of all sets of k whose best-scored sample is right', () => {
    const samples = fc.array(fc.record({ score: fc.nat(3), correct: fc.boolean() }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(samples, fc.nat(), (all, number) => {
        const k = 1 + (number % all.length)
        const best = subsets(all, k).map((set) => {
          const most = Math.max(...set.map(({ score }) => score))
          return mean(set.filter(({ score }) => score === most).map(({ correct }) => (correct ? 1 : 0)))
        })
        expect(verifierBestAtK(all, k)).toBeCloseTo(mean(best), 12)
      }),
    )
  })
})

describe('majority@k', () => {
  const votes: Vote[] = ['4', '4', '4', '5', '5', undefined, undefined, undefined, undefined].map((answer) => ({
    answer,
    correct: answer === '4',
  }))

  it('takes the most frequent answer of all, and no answer never wins', () => {
    expect(majorityAtK(votes, 9)).toBe(1)
    expect(majorityAtK(votes.slice(5), 4)).toBe(0)
  })

  it('shares the win between answers as frequent', () => {
    expect(majorityAtK(votes.slice(1, 5), 4)).toBe(0.5)
  })

  it('is the mean over sets of k, the same for the same seed', () => {
    const k = 3
    const exact = mean(subsets(votes, k).map((set) => majorityAtK(set, k)))
    const estimate = majorityAtK(votes, k, { seed: 3, draws: 20_000 })
    expect(estimate).toBeCloseTo(exact, 1)
    expect(majorityAtK(votes, k, { seed: 3, draws: 20_000 })).toBe(estimate)
  })
})

describe('bootstrap', () => {
  it('holds the truth about as often as it says', () => {
    let held = 0
    for (let trial = 0; trial < 200; trial++) {
      // 60 throws of a coin that shows 1 in 0.3 of all cases, a new one each trial.
      const throws = Array.from({ length: 60 }, (_, index) =>
        (((Math.sin(trial * 60 + index + 1) * 1e4) % 1) + 1) % 1 < 0.3 ? 1 : 0,
      )
      const { low, high } = bootstrapMean(throws, { seed: trial, resamples: 300 })
      if (low <= 0.3 && 0.3 <= high) held += 1
    }
    expect(held / 200).toBeGreaterThan(0.88)
    expect(held / 200).toBeLessThan(0.995)
  })

  it('gives the same interval for the same seed, around the value', () => {
    const values = [1, 2, 3, 4, 10]
    const interval = bootstrapMean(values, { seed: 5 })
    expect(bootstrapMean(values, { seed: 5 })).toEqual(interval)
    expect(interval.value).toBe(4)
    expect(interval.low).toBeLessThan(4)
    expect(interval.high).toBeGreaterThan(4)
    expect(bootstrap(3, () => 7)).toEqual({ value: 7, low: 7, high: 7 })
    expect(() => bootstrapMean([])).toThrow('no examples')
  })
})

describe('classification', () => {
  it('counts accuracy, and F1 by class and in the mean', () => {
    const { accuracy, macroF1, classes } = classification(['a', 'a', 'b', 'c'], ['a', 'b', 'b', 'b'])
    expect(accuracy).toBe(0.5)
    expect(classes.get('a')).toEqual({ precision: 0.5, recall: 1, f1: 2 / 3, support: 1 })
    expect(classes.get('b')).toEqual({ precision: 1, recall: 1 / 3, f1: 0.5, support: 3 })
    expect(classes.get('c')?.f1).toBe(0)
    expect(macroF1).toBeCloseTo((2 / 3 + 0.5 + 0) / 3, 12)
    expect(() => classification(['a'], [])).toThrow('1 predictions for 0')
  })
})

describe('likelihoods', () => {
  it('are a perplexity by token and bits by byte', () => {
    expect(perplexity(10 * Math.log(8), 10)).toBeCloseTo(8, 12)
    expect(bitsPerByte(10 * Math.log(8), 15)).toBeCloseTo(2, 12)
  })
})
