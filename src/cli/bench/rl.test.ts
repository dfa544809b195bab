import { describe, expect, it } from 'vitest'
import { runReinforcement } from './rl-run.ts'

describe('bench rl', () => {
  it('measures steps, and the engine and plain training steps alone in the same run', async () => {
    const row = await runReinforcement(
      {
        ...{ layers: 1, hidden: 64, questions: 2, group: 2, prompt: 4, completion: 8, steps: 2, slots: 4, rows: 4 },
        ...{ threads: 1, precision: 'f32', rolloutPrecision: 'f32' },
      },
      () => {},
    )
    expect(row).toMatchObject({ completions: 4, prompt_tokens: 4, completion_tokens: 8 })
    expect(row.rollout_of_engine).toBeCloseTo(row.rollout_tokens_per_second / row.engine_tokens_per_second)
    expect(row.train_of_trainer).toBeCloseTo(row.train_tokens_per_second / row.trainer_tokens_per_second)
    for (const [name, value] of Object.entries(row)) {
      if (typeof value === 'number' && name !== 'mismatch') expect(value, name).toBeGreaterThan(0)
    }
    // Both sides in f32: only the order of additions differs.
    expect(row.mismatch).toBeLessThan(1e-4)
  })
})
