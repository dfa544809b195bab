import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { adjustLogits } from './adjust.ts'
import { drawToken, mostLikely } from './draw.ts'
import { History } from './history.ts'
import { checkSampling, type SamplingOptions } from './options.ts'

const logitsOf = fc
  .array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: 1, maxLength: 300 })
  .map((values) => Float32Array.from(values))

/** What the options mean, written down without regard to speed: the probability of every token. */
function probabilities(logits: Float32Array, { temperature = 1, topK, topP = 1, minP = 0 }: SamplingOptions): number[] {
  const largest = Math.max(...logits)
  let kept = [...logits]
    .map((logit, id) => ({ id, logit, weight: Math.exp((logit - largest) / temperature) }))
    .sort((left, right) => right.logit - left.logit || left.id - right.id)
  kept = kept.slice(0, topK)
  const total = kept.reduce((sum, { weight }) => sum + weight, 0)
  let mass = 0
  kept = kept.filter(({ weight }) => {
    const isNeeded = mass < topP * total * (1 - 1e-12)
    mass += weight
    return isNeeded
  })
  kept = kept.filter(({ weight }) => weight >= minP * (kept[0]?.weight ?? 0))
  const left = kept.reduce((sum, { weight }) => sum + weight, 0)
  const result = Array.from(logits, () => 0)
  for (const { id, weight } of kept) result[id] = weight / left
  return result
}

describe('drawing a token', () => {
  it('draws every token as often as temperature, top-k, top-p and min-p say', () => {
    const options = fc.record(
      {
        temperature: fc.double({ min: 0.2, max: 3, noNaN: true }),
        topK: fc.integer({ min: 1, max: 40 }),
        topP: fc.double({ min: 0.05, max: 0.99, noNaN: true }),
        minP: fc.double({ min: 0.01, max: 0.9, noNaN: true }),
      },
      { requiredKeys: ['temperature'] },
    )
    const draws = 2000
    fc.assert(
      fc.property(logitsOf, options, (logits, sampling) => {
        const counts = Array.from(logits, () => 0)
        // Evenly spread numbers in the place of random ones: each token's share is then exact to one draw.
        for (let draw = 0; draw < draws; draw++) {
          const id = drawToken(logits, sampling, (draw + 0.5) / draws)
          counts[id] = (counts[id] as number) + 1
        }
        for (const [id, probability] of probabilities(logits, sampling).entries())
          expect(Math.abs((counts[id] as number) - probability * draws)).toBeLessThanOrEqual(1.001)
      }),
      { numRuns: 60 },
    )
  })

  it('agrees with the definition over a whole vocabulary', () => {
    const logits = Float32Array.from({ length: 49152 }, (_, id) => 8 * Math.sin(id * 12.9898) + 3 * Math.cos(id * 0.37))
    for (const sampling of [
      { temperature: 0.7, topP: 0.9 },
      { temperature: 1, topK: 500 },
      { temperature: 2, topP: 0.999, minP: 0.001 },
    ]) {
      const expected = probabilities(logits, sampling)
      for (let draw = 0; draw < 10; draw++) {
        const id = drawToken(logits, sampling, (draw + 0.5) / 10)
        expect(expected[id]).toBeGreaterThan(0)
      }
    }
  })

  it('takes the most likely token, the first of equals, at temperature 0', () => {
    fc.assert(
      fc.property(logitsOf, fc.double({ min: 0.001, max: 0.999, noNaN: true }), (logits, uniform) => {
        expect(drawToken(logits, {}, uniform)).toBe(logits.indexOf(Math.max(...logits)))
      }),
    )
  })

  it('never draws what is forbidden, and says when nothing is left or a number is none', () => {
    const logits = Float32Array.from([1, 2, 3, 4])
    logits[3] = Number.NEGATIVE_INFINITY
    for (let draw = 0; draw < 100; draw++)
      expect(drawToken(logits, { temperature: 100 }, (draw + 0.5) / 100)).toBeLessThan(3)
    expect(mostLikely(logits)).toBe(2)
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => mostLikely(Float32Array.from([0, bad, Number.NEGATIVE_INFINITY]))).toThrow('no usable')
    }
    expect(() => mostLikely(new Float32Array(4).fill(Number.NEGATIVE_INFINITY))).toThrow('no usable')
  })
})

describe('adjusting logits', () => {
  it('penalises what was seen, and adds biases last', () => {
    const history = new History([0, 1, 1])
    for (const id of [1, 2, 2, 2]) history.push(id)
    const logits = Float32Array.from([2, -2, 4, 5])
    const options = { repetitionPenalty: 2, presencePenalty: 1, frequencyPenalty: 0.5, logitBias: { 3: -10 } }
    adjustLogits(logits, options, history)
    expect([...logits]).toEqual([1, -4 - 1 - 0.5, 2 - 1 - 1.5, -5])
  })

  it('refuses options that mean nothing, by their names', () => {
    const refused: [SamplingOptions, string][] = [
      [{ temperature: Number.NaN }, 'temperature'],
      [{ topK: 1.5 }, 'topK'],
      [{ topP: 0 }, 'topP'],
      [{ minP: 2 }, 'minP'],
      [{ repetitionPenalty: 0 }, 'repetitionPenalty'],
      [{ seed: -1 }, 'seed'],
      [{ logitBias: new Map([[10, 1]]) }, 'logitBias'],
      [{ temperature: '1' as unknown as number }, 'temperature'],
    ]
    for (const [options, name] of refused) expect(() => checkSampling(options, 10)).toThrow(name)
    expect(() => checkSampling({ temperature: 0.6, topP: 0.95, logitBias: { 9: -100 } }, 10)).not.toThrow()
  })
})
