import { describe, expect, it } from 'vitest'
import { measure } from './measure.ts'
import type { Judgement, Question } from './rollout-group.ts'
import type { Rollouts } from './rollouts.ts'

const right: Judgement = { reward: 1, parts: {}, solved: true, answer: '1', verified: 1 }
const wrong: Judgement = { reward: 0, parts: {}, solved: false, answer: '2', verified: 0 }
const failed: Judgement = { failure: 'it threw' }

/** Judges texts by their number: greedy ones come first, then the samples, question by question. */
const rollouts = {
  draw: async (requests: readonly unknown[]) => requests.map(() => ({ ids: Int32Array.of(1, 2) })),
} as unknown as Rollouts

function question(...judgements: readonly Judgement[]): Question {
  let at = 0
  return {
    prompt: Int32Array.of(1),
    text: '',
    judge: async () => ({ text: '', judgement: judgements[at++] as Judgement }),
  }
}

describe('measure', () => {
  it('leaves texts without a reward out of every share, and counts them', async () => {
    const questions = [
      question(failed, right, failed),
      question(wrong, wrong, right),
      question(right, failed, failed),
      question(right, wrong, wrong),
    ]
    const options = { samples: 2, maxNewTokens: 4, seed: 1 }
    expect(await measure(rollouts, questions, options)).toEqual({
      greedy: expect.closeTo(2 / 3),
      passAt1: expect.closeTo((1 + 0.5 + 0) / 3),
      passAtK: expect.closeTo(2 / 3),
      majority: expect.closeTo(1 / 3),
      verified: expect.closeTo(2 / 3),
      length: 2,
      failures: 4,
    })
  })

  it('says nothing of samples where none are drawn', async () => {
    const measured = await measure(rollouts, [question(right)], { samples: 0, maxNewTokens: 4, seed: 1 })
    expect(measured).toEqual({ greedy: 1, length: 2, failures: 0 })
  })
})
