import { describe, expect, it } from 'vitest'
import { figuresOf, generate, rateOfBatch, ratiosOf } from './generate.ts'

const round = (factor: number) => ({
  load_ms: 100 * factor,
  prefill_tokens_per_second: 1000 / factor,
  decode_ms: [5 * factor, 7 * factor, 6 * factor],
  batch_tokens_per_second: { 4: 400 / factor },
  peak_rss_mb: 300,
})
const least = (values: readonly number[]) => Math.min(...values)
const most = (values: readonly number[]) => Math.max(...values)

describe('r1 bench generate', () => {
  it('counts a batch only while all of its texts are written', () => {
    // Ten tokens a second each; the second begins later, the first ends earlier.
    const first = Array.from({ length: 10 }, (_, at) => 100 * (at + 1))
    const second = first.map((time) => time + 250)
    expect(rateOfBatch([first, second])).toBeCloseTo(20, 0)
  })

  it('compares best figures: speeds above 1 are faster, time and memory below 1 are less', () => {
    const ours = figuresOf([round(1), round(3)], least, most)
    const peers = figuresOf([round(4), round(2)], least, most)
    expect(ours).toMatchObject({ load_ms: 100, decode_ms: 5, prefill_tokens_per_second: 1000 })
    const ratios = ratiosOf(ours, peers)
    expect(ratios).toEqual({
      prefill_ratio: 2,
      decode_ratio: 2,
      batch4_ratio: 2,
      load_ratio: 0.5,
      peak_rss_ratio: 1,
    })
    const side = (name: string, best: typeof ours) => ({ name, best, median: best, rounds: [] })
    const text = generate.format({
      model: 'x.gguf',
      threads: 2,
      prompt_tokens: 512,
      sides: [side('deepseek-r1', ours), side('node-llama-cpp', peers)],
      ratios,
      median_ratios: ratios,
    })
    expect(text).toContain('decode_ratio 2.00')
    expect(text).toMatch(/deepseek-r1, best +1000 +5.00 +400 +100 +300\n/)
  })
})
