import { describe, expect, it } from 'vitest'
import type { Environment } from '../environments/index.ts'
import type { ProblemReader } from '../train/sampling/problems.ts'
import { ignoresSeed, questionsFrom, take } from './questions.ts'

const environmentOf = (prompts: (seed: number) => readonly string[]): Environment => ({
  name: 'words',
  *examples(_, seed) {
    for (const prompt of prompts(seed)) yield { prompt }
  },
  reward: () => 0,
})
const words = ['a', 'b', 'c', 'd', 'e']
const fixed = environmentOf(() => words)

const reader = {
  stopIds: [],
  read: async (problem: { prompt: string }) => ({ problem, prompt: new Int32Array(1) }),
} as unknown as ProblemReader

describe('questions of an environment that has one order', () => {
  it('are told from those of one that knows seeds', async () => {
    expect(await ignoresSeed(fixed)).toBe(true)
    expect(await ignoresSeed(environmentOf((seed) => words.map((word) => word + seed)))).toBe(false)
  })

  it('go on where the step before stopped, and begin again', async () => {
    const asked = { environment: fixed, reader, longestPrompt: 8 }
    const textsOf = async (from: number) => (await take(questionsFrom(asked, from), 3)).map(({ text }) => text)
    expect(await textsOf(0)).toEqual(['a', 'b', 'c'])
    expect(await textsOf(3)).toEqual(['d', 'e', 'a'])
    expect(await textsOf(6)).toEqual(['b', 'c', 'd'])
    expect(await take(questionsFrom({ ...asked, environment: environmentOf(() => []) }, 2), 3)).toEqual([])
  })
})
