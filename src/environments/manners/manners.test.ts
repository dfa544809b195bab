import { describe, expect, it } from 'vitest'
import { manners } from './manners.ts'
import { phrases } from './phrases.ts'

const make = (options: object) => manners.create(manners.options.parse(options))

async function take<T>(count: number, items: Iterable<T> | AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = []
  for await (const item of items) if (taken.push(item) === count) break
  return taken
}

describe('manners', () => {
  it.each([{ language: 'en' }, { language: 'zh' }, { language: 'both' }, { thinking: false }])(
    'rewards its own replies and no others, with %j',
    async (options) => {
      const environment = make(options)
      for (const split of ['train', 'held-out'] as const) {
        const examples = await take(100, environment.examples(split, 3))
        const traces = await take(100, environment.traces?.(split, 3) ?? [])
        expect(traces.map(({ prompt }) => prompt)).toEqual(examples.map(({ prompt }) => prompt))
        for (const [index, example] of examples.entries()) {
          const { prompt, completion } = traces[index] as (typeof traces)[number]
          const rewardOf = (text: string) => environment.reward({ prompt, completion: text, tokens: [], example })
          expect(rewardOf(completion)).toMatchObject({ reward: 1 })
          expect(rewardOf('<think>\nHm.\n</think>\n42')).toMatchObject({ reward: 0 })
        }
      }
    },
  )

  it('says nothing in one split that it says in the other', async () => {
    const environment = make({ language: 'both' })
    const keys = async (split: 'train' | 'held-out') =>
      new Set((await take(2000, environment.examples(split, 1))).map(({ key }) => key))
    const [train, heldOut] = [await keys('train'), await keys('held-out')]
    expect([...heldOut].filter((key) => train.has(key))).toEqual([])
  })

  it.each(['en', 'zh'] as const)('has no phrase twice in %s', (language) => {
    const { greetings, introductions, thanks, farewells, requests, things, calculations } = phrases[language]
    const all = [greetings, introductions, thanks, farewells, requests, things, calculations].flat()
    expect(new Set(all).size).toBe(all.length)
  })
})
