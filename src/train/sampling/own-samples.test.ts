import { describe, expect, it } from 'vitest'
import type { Environment } from '../../environments/index.ts'
import { OwnSamples } from './own-samples.ts'
import type { ProblemReader } from './problems.ts'
import type { SampleRequest, Sampler } from './sampler.ts'

const options = { rows: 2, length: 8, maxNewTokens: 2, temperature: 1, seed: 1 } as const

/** Prompts of so many tokens, of which the first says which problem it is; what is asked of the sampler is noted. */
function samplesOf(lengths: readonly number[], split: 'train' | 'held-out' = 'train') {
  const environment: Environment = {
    name: 'numbers',
    *examples() {
      for (const [index, length] of lengths.entries()) yield { prompt: `${index} ${length}` }
    },
    reward: () => 0,
  }
  const reader = {
    tokenizer: { special: { pad: 0 } },
    async read(problem: { prompt: string }) {
      const [index = 0, length = 0] = problem.prompt.split(' ').map(Number)
      return { problem, prompt: new Int32Array(length).fill(index) }
    },
  } as unknown as ProblemReader
  const asked: number[][] = []
  const sampler = {
    refresh: () => undefined,
    async draw(requests: readonly SampleRequest[]) {
      asked.push(requests.map(({ prompt }) => prompt[0] as number))
      return requests.map(() => Int32Array.of(7))
    },
  } as unknown as Sampler
  return { samples: new OwnSamples(sampler, reader, environment, { ...options, split }), asked }
}

describe("a model's own samples", () => {
  it('begin again after the last problem, go on where they were, and pass over prompts without room', async () => {
    const { samples, asked } = samplesOf([3, 3, 9, 3])
    await samples.next()
    const state = samples.state()
    await samples.next()
    await samples.next()
    expect(asked).toEqual([
      [0, 1],
      [3, 0],
      [1, 3],
    ])
    const other = samplesOf([3, 3, 9, 3])
    other.samples.restore(state)
    await other.samples.next()
    await other.samples.next()
    expect(other.asked).toEqual([
      [3, 0],
      [1, 3],
    ])
  })

  it('end after the last problem that is held out, and where no prompt has room', async () => {
    const { samples, asked } = samplesOf([3, 3, 3], 'held-out')
    for (let index = 0; index < 2; index++) expect(await samples.next()).toBeDefined()
    expect(await samples.next()).toBeUndefined()
    expect(asked).toEqual([[0, 1], [2]])
    expect(await samplesOf([]).samples.next()).toBeUndefined()
    await expect(samplesOf([9, 9]).samples.next()).rejects.toMatchObject({ code: 'context-too-long' })
  })
})
