import { describe, expect, it } from 'vitest'
import { generalisedAdvantages, whiten } from './gae.ts'
import { groupAdvantages } from './group.ts'

const closeTo = (expected: readonly number[]) => expected.map((value) => expect.closeTo(value, 6))

describe('group advantages', () => {
  const rewards = [1, 0, 0, 1, 0]

  it('are as written out by hand', () => {
    // Mean 0.4, deviation √(0.24) = 0.4898979.
    expect(groupAdvantages.grpo(rewards)).toEqual(closeTo([1.2247449, -0.8164966, -0.8164966, 1.2247449, -0.8164966]))
    expect(groupAdvantages['dr-grpo'](rewards)).toEqual(closeTo([0.6, -0.4, -0.4, 0.6, -0.4]))
    // Against the mean of the four others: 1 − 1/4 and 0 − 2/4.
    expect(groupAdvantages.rloo(rewards)).toEqual(closeTo([0.75, -0.5, -0.5, 0.75, -0.5]))
  })

  it('are zero where all rewards are equal, and where one is alone', () => {
    for (const advantages of Object.values(groupAdvantages)) {
      expect(advantages([0.3, 0.3, 0.3])).toEqual(closeTo([0, 0, 0]))
      expect(advantages([0.7])).toEqual(closeTo([0]))
    }
  })
})

describe('generalised advantage estimation', () => {
  it('is as written out by hand', () => {
    // δ = [0 + 0.9·0.6 − 0.5, 0 + 0.9·0.2 − 0.6, 1 − 0.2] = [0.04, −0.42, 0.8]; γλ = 0.72.
    const { advantages, returns } = generalisedAdvantages([0, 0, 1], [0.5, 0.6, 0.2], { gamma: 0.9, lambda: 0.8 })
    expect([...advantages]).toEqual(closeTo([0.04 + 0.72 * (-0.42 + 0.72 * 0.8), -0.42 + 0.72 * 0.8, 0.8]))
    expect([...returns]).toEqual(closeTo([0.65232, 0.756, 1]))
  })

  it('steps over tokens that the model did not write', () => {
    const written = [true, false, true]
    const { advantages } = generalisedAdvantages([0, 9, 1], [0.5, 9, 0.2], { gamma: 1, lambda: 1 }, written)
    expect([...advantages]).toEqual(closeTo([0.5, 0, 0.8]))
  })

  it('is whitened over the whole batch', () => {
    const batch = [Float64Array.of(1, 2), Float64Array.of(3)]
    whiten(batch)
    expect(batch.map((values) => [...values])).toEqual([closeTo([-1.2247449, 0]), closeTo([1.2247449])])
  })
})
