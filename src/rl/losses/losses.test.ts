import { describe, expect, it } from 'vitest'
import { NDArray } from '../../runtime/array.ts'
import { jit } from '../../runtime/jit.ts'
import { cast, divide, gradients, sum, type Tensor } from '../../tensor/index.ts'
import { type Aggregation, aggregations, publishedAggregation } from './aggregation.ts'
import { klEstimators } from './kl.ts'
import { clippedValueLoss, type PolicyLossName, policyLosses } from './policy.ts'

const closeTo = (expected: readonly number[]) => expected.map((value) => expect.closeTo(value, 5))

/** Loss, clip and gradient by ln π of four tokens with the given ratios and advantages, as one completion. */
async function losses(name: PolicyLossName, ratios: readonly number[], advantages: readonly number[]) {
  using compiled = jit(({ now, old, advantage }: Record<'now' | 'old' | 'advantage', Tensor>) => {
    const { clip, tokens } = policyLosses[name]
    const { loss, clipped } = tokens({
      ...{ logProbability: now, old, advantage, clip },
      completionMean: (values) => divide(sum(values, { axes: [1], keepDimensions: true }), ratios.length),
    })
    return { loss, clipped: cast(clipped, 'f32'), slope: gradients(sum(loss), [now])[0] as Tensor }
  })
  const row = (values: readonly number[]) => NDArray.from(values, [1, values.length])
  const found = await compiled.run({
    now: row(ratios.map((ratio) => Math.log(ratio) - 1)),
    old: row(ratios.map(() => -1)),
    advantage: row(advantages),
  })
  return Object.fromEntries(Object.entries(found).map(([key, array]) => [key, array.toNumbers()]))
}

describe('policy losses', () => {
  const [ratios, advantages] = [
    [1, 1.5, 1.5, 0.5],
    [2, 2, -2, -2],
  ]

  it('ppo clips what pushes further out, and nothing else', async () => {
    const { loss, clipped, slope } = await losses('ppo', ratios, advantages)
    expect(loss).toEqual(closeTo([-2, -2.4, 3, 1.6]))
    expect(clipped).toEqual([0, 1, 0, 1])
    expect(slope).toEqual(closeTo([-2, 0, 3, 0]))
  })

  it('dapo leaves more room upwards', async () => {
    const { loss, clipped } = await losses('dapo', [1.25, 1.5, 1.5, 0.5], advantages)
    expect(loss).toEqual(closeTo([-2.5, -2.56, 3, 1.6]))
    expect(clipped).toEqual([0, 1, 0, 1])
  })

  it('cispo weighs the gradient of ln π by a ratio of at most 5', async () => {
    const { loss, clipped, slope } = await losses('cispo', [1, 8, 0.5, 4], advantages)
    const logs = [1, 8, 0.5, 4].map((ratio) => Math.log(ratio) - 1)
    expect(loss).toEqual(closeTo([-2 * 1, -2 * 5, 2 * 0.5, 2 * 4].map((factor, at) => factor * (logs[at] as number))))
    expect(slope).toEqual(closeTo([-2, -10, 1, 8]))
    expect(clipped).toEqual([0, 1, 0, 0])
  })

  it('gspo has one ratio for a completion', async () => {
    // The geometric mean of the ratios is 1.0002: inside the clip of 4e-4 above.
    const near = await losses('gspo', [1.0004004, 1], [2, 2])
    expect(near.loss).toEqual(closeTo([-2.0004, -2.0004]))
    // Both tokens' losses carry half of the slope of the other.
    expect(near.slope).toEqual(closeTo([-2.0004, -2.0004]))
    expect(near.clipped).toEqual([0, 0])
    const far = await losses('gspo', [1.5, 1.5], [2, 2])
    expect(far.loss).toEqual(closeTo([-2.0008, -2.0008]))
    expect(far.slope).toEqual(closeTo([0, 0]))
    expect(far.clipped).toEqual([1, 1])
  })

  it('the value loss takes the worse of the value and the clipped one', async () => {
    using compiled = jit(({ value, old, returns }: Record<'value' | 'old' | 'returns', Tensor>) => {
      return clippedValueLoss(value, old, returns, 0.2)
    })
    const row = (values: readonly number[]) => NDArray.from(values, [1, values.length])
    const loss = await compiled.run({ value: row([0.5, 0.1]), old: row([0, 0]), returns: row([1, 1]) })
    // ½·max(0.5², (0.2 − 1)²) and ½·0.9².
    expect(loss.toNumbers()).toEqual(closeTo([0.32, 0.405]))
  })
})

describe('KL estimators', () => {
  it('are as written out by hand, in the graph and outside', async () => {
    // ln π = −1, ln π₀ = −1.5: ρ = π₀/π = e^(−0.5).
    const expected = { k1: 0.5, k2: 0.125, k3: Math.exp(-0.5) - 1 + 0.5 }
    for (const [name, value] of Object.entries(expected)) {
      const { ofNumbers, ofTensors } = klEstimators[name as keyof typeof klEstimators]
      expect(ofNumbers(-1, -1.5)).toBeCloseTo(value, 6)
      using compiled = jit(({ policy, other }: Record<'policy' | 'other', Tensor>) => ofTensors(policy, other))
      const found = await compiled.run({ policy: NDArray.from([-1]), other: NDArray.from([-1.5]) })
      expect(found.toNumbers()).toEqual(closeTo([value]))
    }
  })

  it('k1 and k3 are right on average', () => {
    const [policy, other] = [
      [0.7, 0.2, 0.1],
      [0.4, 0.4, 0.2],
    ]
    const exact = policy.reduce((total, p, at) => total + p * Math.log(p / (other[at] as number)), 0)
    for (const name of ['k1', 'k3'] as const) {
      const { ofNumbers } = klEstimators[name]
      const mean = policy.reduce((total, p, at) => total + p * ofNumbers(Math.log(p), Math.log(other[at] as number)), 0)
      expect(mean).toBeCloseTo(exact, 10)
    }
  })
})

describe('aggregations', () => {
  const lengths = [2, 0, 6]

  it('give each token the weight of its paper, and none to what is left out', () => {
    const by: Readonly<Record<string, Aggregation>> = aggregations
    const weights = (name: string) => by[name]?.(lengths, { longest: 10 })
    expect(weights('sequence-mean')).toEqual(closeTo([1 / 4, 0, 1 / 12]))
    expect(weights('token-mean')).toEqual(closeTo([1 / 8, 0, 1 / 8]))
    expect(weights('constant')).toEqual(closeTo([1 / 20, 0, 1 / 20]))
  })

  it('are those of the paper where nothing else is asked for', () => {
    expect(publishedAggregation('gspo', 'grpo')).toBe('sequence-mean')
    expect(publishedAggregation('dapo', 'dr-grpo')).toBe('constant')
    expect(publishedAggregation('dapo', 'grpo')).toBe('token-mean')
  })
})
