import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { openReference } from '../../models/testing/fixture.ts'
import { load } from './load.ts'

const fixture = fileURLToPath(new URL('../../models/fixtures/llama-tied/', import.meta.url))
const context = { signal: new AbortController().signal, progress: () => undefined }
const options = { model: fixture, rounds: '1', threads: '1', prompt: '12' }

describe('r1 bench load', () => {
  it('loads a model in this process and tells what it took', async () => {
    const row = await load.run({ ...options, here: true }, context)
    if ('sides' in row) throw new Error('one process has no sides')
    await using reference = await openReference({ name: 'llama-tied' })
    expect(row.vocabulary).toBe((await reference.floats('logits')).length / 60)
    expect(row.next_token).toBeLessThan(row.vocabulary)
    expect(row.process_ms).toBeGreaterThan(row.first_logits_ms)
    expect(row.first_logits_ms).toBeGreaterThan(row.load_ms)
    expect(row.peak_rss_mb).toBeGreaterThanOrEqual(row.idle_rss_mb)
    expect(load.format(row)).toContain('next_token')
  })

  it('says what each side took, and how they compare', () => {
    const figures = { first_logits_ms: 300, load_ms: 200, process_ms: 500, peak_rss_mb: 240, idle_rss_mb: 40 }
    const side = (name: string) => ({ name, median: figures, best: figures, rounds: [{ ...figures, next_token: 1 }] })
    const text = load.format({
      model: 'x.gguf',
      weights_mb: 200,
      prompt_tokens: 16,
      threads: 2,
      sides: [side('deepseek-r1'), side('node-llama-cpp')],
      ratios: {
        first_logits_median: 1,
        first_logits_best: 1,
        process_median: 1,
        peak_to_weights: 1.2,
        peak_beyond_idle_to_weights: 1,
      },
    })
    expect(text).toMatch(/node-llama-cpp, best +300 +200 +500 +240 +40\n/)
    expect(text).toContain('against 200 MB of f32 weights: 1.20, beyond the idle process 1.00')
  })
})
