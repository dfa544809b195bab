import { describe, expect, it } from 'vitest'
import { NDArray } from '../runtime/array.ts'
import { jit } from '../runtime/jit.ts'
import {
  cast,
  drawBernoulli,
  drawCategorical,
  drawNormal,
  drawUniform,
  drawWords,
  dropout,
  gradients,
  sum,
  type Tensor,
} from './index.ts'
import { hash32, randomNormal, randomUniform, randomWord, streamKey } from './random.ts'

const seedOf = (seed: number): NDArray => NDArray.scalar(seed, 'i64')
const mean = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0) / values.length

function draw(body: (seed: Tensor) => Tensor, seed: number, threads = 1): number[] {
  using compiled = jit(({ seed }: { seed: Tensor }) => body(seed), { threads })
  return (compiled.runSync({ seed: seedOf(seed) }) as NDArray).toNumbers()
}

describe('random numbers of a graph', () => {
  it('are the words that JavaScript makes, for any seed, shape and number of threads', () => {
    for (const seed of [0, 1, 12345, 2 ** 31, 2 ** 32 - 1]) {
      const key = streamKey(seed, 'layer.dropout')
      const expected = Array.from({ length: 30000 }, (_, place) => randomWord(key, place))
      expect(draw((s) => drawWords(s, [300, 100], 'layer.dropout'), seed, 2)).toEqual(expected)
    }
  })

  it('are the same uniform numbers, inside (0, 1) in f32 too, and the same normal ones up to rounding', () => {
    const key = streamKey(9, 'x')
    const uniform = Array.from({ length: 2000 }, (_, place) => randomUniform(key, place))
    expect(draw((s) => drawUniform(s, [2000], 'x'), 9)).toEqual(uniform)
    expect(Math.fround((2 ** 23 - 1 + 0.5) * 2 ** -23)).toBeLessThan(1)
    draw((s) => drawNormal(s, [2000], 'x'), 9).forEach((value, place) => {
      expect(value).toBeCloseTo(randomNormal(key, place), 5)
    })
  })

  it('differ by seed and by stream', () => {
    const first = draw((s) => drawWords(s, [8], 'a'), 1)
    expect(draw((s) => drawWords(s, [8], 'b'), 1)).not.toEqual(first)
    expect(draw((s) => drawWords(s, [8], 'a'), 2)).not.toEqual(first)
  })

  it('have the moments and the independence of their distributions', () => {
    const count = 1 << 16
    const uniform = draw((s) => drawUniform(s, [count], 'u'), 3)
    const normal = draw((s) => drawNormal(s, [count], 'n'), 3)
    const spread = 1 / Math.sqrt(count)
    expect(Math.abs(mean(uniform) - 0.5)).toBeLessThan(4 * spread * Math.sqrt(1 / 12))
    expect(Math.abs(mean(normal))).toBeLessThan(4 * spread)
    expect(Math.abs(mean(normal.map((x) => x * x)) - 1)).toBeLessThan(4 * spread * Math.SQRT2)
    expect(Math.abs(mean(normal.slice(1).map((x, place) => x * (normal[place] as number))))).toBeLessThan(4 * spread)
    // Each bit of the hash flips with probability one half when one bit of its input does.
    for (let bit = 0; bit < 32; bit++) {
      const flips = Array.from({ length: 4096 }, (_, word) =>
        popcount(hash32(word * 977) ^ hash32((word * 977) ^ (1 << bit))),
      )
      expect(Math.abs(mean(flips) - 16)).toBeLessThan(0.5)
    }
  })

  it('sample a softmax with its probabilities', () => {
    using sample = jit(({ logits, seed }: { logits: Tensor; seed: Tensor }) => drawCategorical(logits, seed, 's'))
    const [rows, weights] = [20000, [0.1, 0.2, 0.7]]
    const logits = NDArray.from(
      Array.from({ length: rows * 3 }, (_, place) => Math.log(weights[place % 3] as number)),
      [rows, 3],
    )
    const found = (sample.runSync({ logits, seed: seedOf(5) }) as NDArray).toNumbers()
    weights.forEach((probability, word) => {
      const share = found.filter((sampled) => sampled === word).length / rows
      expect(Math.abs(share - probability)).toBeLessThan(4 * Math.sqrt((probability * (1 - probability)) / rows))
    })
  })

  it('drop elements in the forward and the backward pass alike, and keep the mean', () => {
    using run = jit(({ x, seed }: { x: Tensor; seed: Tensor }) => {
      const y = dropout(x, 0.25, seed, 'd')
      return { y, dx: gradients(sum(y), [x])[0] as Tensor }
    })
    const x = NDArray.from(Array.from({ length: 10000 }, () => 3))
    const { y, dx } = run.runSync({ x, seed: seedOf(1) })
    expect(new Set(y.toNumbers())).toEqual(new Set([0, 4]))
    expect(dx.toNumbers()).toEqual(y.toNumbers().map((value) => Math.fround(value / 3)))
    expect(Math.abs(mean(y.toNumbers()) - 3)).toBeLessThan(0.1)
    expect(run.runSync({ x, seed: seedOf(2) }).y.toNumbers()).not.toEqual(y.toNumbers())
    expect(draw((s) => cast(drawBernoulli(s, [100], 1, 'b'), 'f32'), 1)).toEqual(Array(100).fill(1))
  })
})

function popcount(word: number): number {
  let [count, rest] = [0, word >>> 0]
  for (; rest !== 0; rest &= rest - 1) count++
  return count
}
