import { describe, expect, it } from 'vitest'
import { stageLine } from './stage-line.ts'

const pace = { stage: '02-sft', started: 1000, first: 1, operations: 2e6, gflops: 100 }

describe('stageLine', () => {
  it('shows how far a step is, its loss, its speed as a share of the peak, and the time left', () => {
    const line = { step: 5, steps: 20, loss: 1.23456, tokens: 5000, milliseconds: 250 }
    expect(stageLine(pace, line, 11000)).toBe(
      '02-sft ━━━━━─────────────── 5/20  loss 1.2346  20.0 k tokens/s, 40 % of peak  30 s left',
    )
  })

  it('counts the time left from the step at which a run went on', () => {
    const line = { step: 12, steps: 20, loss: 1, tokens: 100, milliseconds: 100 }
    expect(stageLine({ ...pace, first: 11 }, line, 5000)).toMatch(/ 16 s left$/)
  })

  it('shows the rewards of a stage of rewards, and no share where the operations are unknown', () => {
    const line = { step: 1, steps: 2, loss: 9, reward: 0.125, solved: 0.25, entropy: 0.5, tokens: 10, milliseconds: 10 }
    expect(stageLine({ ...pace, operations: Number.NaN }, line, 1000)).toBe(
      '02-sft ━━━━━━━━━━────────── 1/2  reward 0.12500  solved 25 %  entropy 0.50000  1.00 k tokens/s  0 s left',
    )
  })

  it('shows texts that are drawn, and what else a stage says', () => {
    expect(stageLine(pace, { sampling: 'train', asked: 30, of: 40, kept: 7 }, 0)).toBe(
      '02-sft ━━━━━━━━━━━━━━━───── 30/40 problems drawn, 7 texts kept',
    )
    expect(stageLine(pace, { task: 'countdown', passAt1: 1 / 3 }, 0)).toBe('02-sft  task countdown  passAt1 0.33333')
  })
})
