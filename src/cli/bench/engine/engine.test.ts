import { describe, expect, it } from 'vitest'
import { engine } from './engine.ts'
import { perToken, timed } from './scenario.ts'

const rates = (best: number) => ({ best, median: best / 2 })
const turn = (computed: number, ms: number) => ({ prompt_tokens: 400, computed_tokens: computed, first_token_ms: ms })

describe('r1 bench engine', () => {
  it('prints a line for each measurement that was asked for', () => {
    const text = {
      ...{
        name: 'built-in',
        prompt_tokens: 300,
        new_tokens: 90,
        same_text: true,
        accepted_drafts: 60,
        ratio: 2,
        median_ratio: 2,
      },
      tokens_per_second: { plain: rates(100), lookup: rates(200) },
    }
    const lookup = { texts: [text], ratio: 2, median_ratio: 2 }
    const prefix = { turns: [turn(400, 250), turn(20, 25)] as const, computed_ratio: 0.05, first_token_ratio: 0.1 }
    expect(engine.format({ lookup }).split('\n')).toHaveLength(2)
    const lines = engine.format({ lookup, prefix: { ...prefix, turns: [...prefix.turns] } })
    expect(lines).toContain('200 (median 100) tokens/s, 100 (median 50) without: 2.00 times as fast')
    expect(lines).toContain('20 of 400 tokens computed (5.0 %')
    expect(engine.format({ lookup: { ...lookup, texts: [{ ...text, same_text: false }] } })).toContain(
      'THE TEXT IS ANOTHER',
    )
    const speeds = { greedy: 100, temperature: 90, top_p: 80, penalties: 60 }
    const sampling = engine.format({ sampling: [1, 16].map((texts) => ({ texts, tokens_per_second: speeds })) })
    expect(sampling).toContain('16 at once: 100 tokens/s; drawn 90, with top-p 80, with penalties 60')
  })

  it('counts the time between tokens, the first left out', async () => {
    async function* tokens() {
      yield* [{ id: 1 }, { id: 2 }, { id: 3 }]
    }
    const { ids, times } = await timed(tokens())
    expect(ids).toEqual([1, 2, 3])
    expect(times).toHaveLength(3)
    expect(perToken([100, 105, 115])).toBe(7.5)
  })
})
