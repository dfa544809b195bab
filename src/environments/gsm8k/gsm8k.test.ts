import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Environment, Example } from '../environment.ts'
import { loadEnvironment } from '../load.ts'
import { score } from '../score.ts'
import { take } from '../testing/consistency.ts'
import { readWordProblems } from './records.ts'

const load = (options: object) => loadEnvironment('gsm8k', { options })
const firstOf = async (environment: Environment) => (await take(1, environment.examples('held-out', 1)))[0] as Example

describe('gsm8k', () => {
  it('has the published number of problems, none in both splits', async () => {
    const [train, test] = await Promise.all([readWordProblems('train'), readWordProblems('held-out')])
    expect([train.length, test.length]).toEqual([7473, 1319])
    const seen = new Set(train.map(({ question }) => question))
    expect(test.filter(({ question }) => seen.has(question))).toEqual([])
  })

  it('gives each held-out problem once and those to learn from again and again, in an order of the seed', async () => {
    const environment = await load({})
    const keysOf = async (split: 'train' | 'held-out', seed: number, count: number) =>
      (await take(count, environment.examples(split, seed))).map(({ key }) => key)
    const heldOut = await keysOf('held-out', 1, 10_000)
    expect(new Set(heldOut).size).toBe(1319)
    expect(heldOut).toHaveLength(1319)
    expect(await keysOf('train', 1, 8000)).toHaveLength(8000)
    expect(await keysOf('train', 2, 5)).toEqual(await keysOf('train', 2, 5))
    expect(await keysOf('train', 2, 5)).not.toEqual(await keysOf('train', 3, 5))
  })

  it.each(['text', 'chat'])('rewards its own solutions as %s', async (form) => {
    const environment = await load({ form })
    const examples = await take(200, environment.examples('held-out', 4))
    const traces = await take(200, environment.traces?.('held-out', 4) ?? [])
    for (const [index, { prompt, completion }] of traces.entries()) {
      const example = examples[index] as Example
      expect(prompt).toEqual(example.prompt)
      expect(completion).not.toContain('<<')
      expect(await score(environment, { prompt, completion, tokens: [], example })).toMatchObject({ reward: 1 })
    }
  })

  it('reads the first answer of a model that goes on with other questions', async () => {
    const environment = await load({ shots: 2 })
    const example = (await firstOf(environment)) as Example & { answer: number }
    expect(String(example.prompt).match(/Question:/g)).toHaveLength(3)
    const completion = ` It is ${example.answer}.\n#### ${example.answer}\n\nQuestion: What else?\nAnswer: #### 1e9`
    expect(await score(environment, { ...example, completion, tokens: [], example })).toMatchObject({ reward: 1 })
    const wrong = ` #### ${example.answer + 1}`
    expect(await score(environment, { ...example, completion: wrong, tokens: [], example })).toMatchObject({
      reward: 0,
    })
  })

  it('reads another folder, and says which line is wrong', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'r1-gsm8k-'))
    try {
      const line = JSON.stringify({ question: 'One and one?', answer: '1+1=<<1+1=2>>2\n#### 2' })
      await writeFile(join(folder, 'test.jsonl'), `${line}\n`)
      expect((await firstOf(await load({ path: folder }))).key).toBe('One and one?')
      await writeFile(join(folder, 'test.jsonl'), `${line}\n{"question": "What?", "answer": "no number"}\n`)
      await expect(firstOf(await load({ path: folder }))).rejects.toThrow(/test\.jsonl:2 has no number/)
      await writeFile(join(folder, 'train.jsonl.gz'), 'not compressed')
      await expect(readWordProblems('train', folder)).rejects.toMatchObject({ code: 'bad-data' })
    } finally {
      await rm(folder, { recursive: true })
    }
    await expect(firstOf(await load({ path: folder }))).rejects.toMatchObject({ code: 'file-not-found' })
  })
})
