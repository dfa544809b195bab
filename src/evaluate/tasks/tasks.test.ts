import { describe, expect, it } from 'vitest'
import { defineEnvironment } from '../../environments/index.ts'
import { take } from '../../environments/testing/consistency.ts'
import type { Generation, Prompt } from '../../generate/index.ts'
import type { Sample } from './outcome.ts'
import { runTask, type Writer } from './run-task.ts'
import { openTask, type Task } from './task.ts'

/** A writer that answers by a rule. @param write the text, for a prompt and the number of the sample */
function writerOf(write: (prompt: string, sample: number) => string, seen: unknown[] = []): Writer {
  return {
    async generate(prompt: Prompt, options) {
      seen.push({ prompt, ...options })
      const text = typeof prompt === 'string' ? prompt : (prompt.at(-1)?.content ?? '')
      const choices = Array.from({ length: options?.n ?? 1 }, (_, sample) => {
        const [reasoning, answer] = write(text, sample).split('|') as [string, string]
        return {
          text: answer,
          reasoning: reasoning || undefined,
          finishReason: answer === '' ? 'length' : 'stop',
          tokens: [...answer].map((_, id) => ({ id })),
        }
      })
      return { ...choices[0], choices } as unknown as Generation
    },
  }
}

/** Problems 0 to 9; right is the number itself. */
const counting = (reward: (completion: string, value: number) => number): Task => ({
  name: 'counting',
  split: 'held-out',
  environment: defineEnvironment({
    name: 'counting',
    *examples() {
      for (let value = 0; value < 10; value++) yield { prompt: `${value}`, key: `${value}`, value }
    },
    reward: ({ completion, example }) => ({
      reward: reward(completion, example.value),
      answer: completion,
      parts: { length: completion.length },
    }),
  }) as unknown as Task['environment'],
})

const exact = counting((completion, value) => Number(completion === String(value)))

describe('runTask', () => {
  it('counts what is right, greedily for one sample', async () => {
    const seen: Record<string, unknown>[] = []
    const samples: Sample[] = []
    const writer = writerOf((prompt) => `|${Number(prompt) < 7 ? prompt : 'no'}`, seen)
    const result = await runTask(writer, exact, { onSample: (sample) => void samples.push(sample) })
    expect(result).toMatchObject({ task: 'counting', examples: 10, samples: 1, temperature: 0, failures: 0 })
    expect(result.accuracy.value).toBeCloseTo(0.7)
    expect(result.accuracy.low).toBeGreaterThan(0.3)
    expect(result.accuracy.high).toBeLessThan(1.01)
    expect(samples.map(({ key }) => key)).toEqual([...'0123456789'])
    expect(seen[0]).toMatchObject({ raw: true, temperature: 0 })
    // Each problem draws with numbers of its own.
    expect(new Set(seen.map(({ seed }) => seed)).size).toBe(10)
  })

  it('measures several samples: any right, the most frequent, their mean', async () => {
    // Of four samples two are right and two are wrong in two ways.
    const writer = writerOf((prompt, sample) => `|${sample < 2 ? prompt : `wrong ${sample}`}`)
    const result = await runTask(writer, exact, { samples: 4, concurrency: 5 })
    expect(result).toMatchObject({ temperature: 1, accuracy: { value: 0.5 }, parts: { length: (1 + 1 + 7 + 7) / 4 } })
    expect(result.passAt[2]?.value).toBeCloseTo(1 - 1 / 6)
    expect(result.passAt[4]?.value).toBe(1)
    expect(result.majorityAt[4]?.value).toBe(1)
    expect(result.verifierBestAt).toEqual({})
  })

  it('does not call it certain where all problems come out the same', async () => {
    const none = await runTask(
      writerOf(() => '|wrong'),
      exact,
    )
    expect(none.accuracy).toMatchObject({ value: 0, low: 0 })
    // 1 − 0.025^(1/10): what 10 failures leave possible.
    expect(none.accuracy.high).toBeCloseTo(0.3085, 3)
    const all = await runTask(
      writerOf((prompt) => `|${prompt}`),
      exact,
    )
    expect(all.accuracy).toMatchObject({ value: 1, high: 1 })
    expect(all.accuracy.low).toBeCloseTo(0.6915, 3)
  })

  it('leaves out what has no reward, and says how much that was', async () => {
    const strict = counting((completion, value) => {
      if (completion === '0') throw new Error('cannot be judged')
      return Number(completion === String(value))
    })
    const samples: Sample[] = []
    const result = await runTask(
      writerOf((prompt) => `|${prompt}`),
      strict,
      { onSample: (one) => void samples.push(one) },
    )
    expect(result).toMatchObject({ examples: 9, failures: 1, accuracy: { value: 1 } })
    expect(samples[0]).toMatchObject({ failure: 'cannot be judged', reward: undefined, correct: false })
    const broken = counting(() => Number.NaN)
    await expect(
      runTask(
        writerOf(() => '|x'),
        broken,
      ),
    ).rejects.toMatchObject({ code: 'no-scores' })
  })

  it('says that a task has no problems, and hands on what writing throws', async () => {
    const empty: Task = { ...exact, environment: { ...exact.environment, examples: () => [] } }
    await expect(
      runTask(
        writerOf(() => '|'),
        empty,
      ),
    ).rejects.toMatchObject({ code: 'no-examples' })
    const broken: Writer = { generate: () => Promise.reject(new Error('engine gone')) }
    await expect(runTask(broken, exact)).rejects.toThrow('engine gone')
  })

  it('hands environments the thought in its marks, open where the text was cut', async () => {
    const completions: string[] = []
    const onSample = ({ completion }: Sample) => void completions.push(completion)
    await runTask(
      writerOf((prompt) => (prompt === '0' ? 'hm|' : 'hm|7')),
      exact,
      { limit: 2, onSample },
    )
    expect(completions).toEqual(['<think>hm', '<think>hm</think>7'])
  })
})

describe('openTask', () => {
  it('reads options after a name, and asks chat models by messages', async () => {
    const task = await openTask('countdown:numbers=4:language=zh', { chats: true })
    const [example] = task.environment.examples('held-out', 1) as Iterable<{ prompt: unknown; numbers: number[] }>
    expect(example?.numbers).toHaveLength(4)
    expect(example?.prompt).toMatchObject([{ role: 'user', content: expect.stringContaining('算') }])
    expect(task.name).toBe('countdown:numbers=4:language=zh')
  })

  it('asks others by text; a recipe may say all of it', async () => {
    const task = await openTask(
      { environment: 'arithmetic', options: { operations: ['-'] }, name: 'minus', split: 'train' },
      { chats: false },
    )
    const [example] = task.environment.examples('train', 1) as Iterable<{ prompt: unknown; operator: string }>
    expect([task.name, task.split, typeof example?.prompt, example?.operator]).toEqual([
      'minus',
      'train',
      'string',
      '-',
    ])
    const both = await openTask('arithmetic:operations=+:operations=-', { chats: false })
    const operators = await take(40, both.environment.examples('held-out', 1))
    expect(new Set(operators.map((one) => (one as unknown as { operator: string }).operator))).toEqual(
      new Set(['+', '-']),
    )
  })

  it('refuses what it does not know', async () => {
    const open = (text: string) => openTask(text, { chats: false })
    await expect(open('coutdown')).rejects.toMatchObject({ code: 'unknown-environment' })
    await expect(open('countdown:numbers')).rejects.toMatchObject({ code: 'bad-option' })
    await expect(open('countdown:split=test')).rejects.toMatchObject({ code: 'bad-option' })
    await expect(open('countdown:numbers=many')).rejects.toMatchObject({ code: 'bad-option' })
  })
})
