import { describe, expect, it } from 'vitest'
import { measuresOf, seriesOf } from './measures.ts'

describe('what a stage measures', () => {
  it('is every number but the counters, the known ones first', () => {
    const rows = [
      { step: 1, steps: 9, zeta: 1, loss: 2, note: 'x', done: true },
      { step: 2, reward: 0.5, alpha: 3, tokens: 4 },
    ]
    expect(measuresOf(rows)).toEqual(['loss', 'reward', 'alpha', 'zeta'])
  })

  it('goes on where a resumed run goes on', () => {
    const rows = [1, 2, 3, 2, 3, 4].map((step, place) => ({ step, loss: place * 10 }))
    expect(seriesOf(rows, 'loss', 'Loss')).toEqual({ label: 'Loss', x: [1, 2, 3, 4], y: [0, 30, 40, 50] })
  })

  it('leaves out what is no number', () => {
    const rows = [
      { step: 1, loss: Number.NaN },
      { step: 2, loss: null },
      { step: 3, loss: 1 },
    ]
    expect(seriesOf(rows, 'loss', '')).toEqual({ label: '', x: [3], y: [1] })
  })
})
