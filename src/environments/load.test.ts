import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Example } from './environment.ts'
import { loadEnvironment } from './load.ts'
import { environments } from './registry.ts'
import { score } from './score.ts'
import { expectConsistent, take } from './testing/consistency.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-environments-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function load(text: string, options?: unknown) {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.ts`)
  await writeFile(path, text)
  return await loadEnvironment(path, { options })
}

describe('loadEnvironment', () => {
  it('loads the example file by a relative path, without a build step', async () => {
    const base = fileURLToPath(new URL('../../examples', import.meta.url))
    const environment = await loadEnvironment('./reverse-words.ts', { base })
    const [example] = (await take(1, environment.examples('train', 1))) as [Example & { word: string }]
    const attempt = { prompt: example.prompt, tokens: [], example }
    const backwards = [...example.word].reverse().join('')
    expect(await score(environment, { ...attempt, completion: ` ${backwards}\n` })).toMatchObject({ reward: 1 })
    expect(await score(environment, { ...attempt, completion: example.word })).toMatchObject({ reward: 0 })
    await expectConsistent(environment, 5)
  })

  it('loads TypeScript that has more than types to take away', async () => {
    const text = `enum Side { Left, Right }
      class Named { constructor(public name: string) {} }
      export default { ...new Named('typed'), examples: () => [], reward: (): number => Side.Right }`
    expect((await load(text)).name).toBe('typed')
  })

  it('hands options to a function', async () => {
    const text = `export default ({ word }: { word: string }) => ({ name: word, examples: () => [], reward: () => 0 })`
    expect((await load(text, { word: 'given' })).name).toBe('given')
  })

  it('names what ships where it does not know a name, and what is wrong with options', async () => {
    await expect(loadEnvironment('countdwn')).rejects.toThrow(/no environment 'countdwn'.*countdown/)
    await expect(loadEnvironment('countdown', { options: { numbers: 'many' } })).rejects.toMatchObject({
      code: 'bad-option',
    })
    await expect(loadEnvironment('countdown', { options: { nubmers: 4 } })).rejects.toThrow('nubmers')
    await expect(loadEnvironment('./nowhere.ts')).rejects.toMatchObject({ code: 'file-not-found' })
  })

  it.each([
    ['const a = ;', 'cannot be loaded'],
    ['throw new Error("broken inside")', 'broken inside'],
    ['export default 7', 'default export'],
    ['export default { name: "x", examples: () => [] }', "function 'reward'"],
    ['export default { name: "x", reward: () => 1 }', "function 'examples'"],
    ['export default () => { throw new Error("no luck") }', 'no luck'],
  ])('refuses %j', async (text, problem) => {
    const loading = load(text)
    await expect(loading).rejects.toMatchObject({ code: 'bad-environment' })
    await expect(loading).rejects.toThrow(problem)
  })
})

describe('score', () => {
  const attempt = { prompt: '', completion: '', tokens: [], example: { prompt: '' } }
  const scored = (reward: () => unknown) =>
    score({ name: 'x', examples: () => [], reward: reward as () => number }, attempt, { timeout: 50 })

  it.each([
    [
      'throws',
      () => {
        throw new Error('cannot be parsed')
      },
      'cannot be parsed',
    ],
    ['rejects', () => Promise.reject(new Error('later')), 'later'],
    ['is NaN', () => Number.NaN, 'NaN'],
    ['is infinite', () => ({ reward: Number.POSITIVE_INFINITY }), 'Infinity'],
    ['is nothing', () => undefined, 'undefined'],
    ['is a text', () => '1', '1'],
    ['is true', () => ({ reward: true }), 'true'],
    ['has a part that is no number', () => ({ reward: 1, parts: { style: 'good' } }), 'style'],
    ['never comes', () => new Promise(() => undefined), '50 ms'],
  ])('is a failure, not a number, where the reward %s', async (_, reward, reason) => {
    const { reward: value, failure } = await scored(reward)
    expect(value).toBeUndefined()
    expect(failure).toContain(reason)
  })

  it('takes a number, or one with parts', async () => {
    expect(await scored(() => 0.5)).toEqual({ reward: 0.5, parts: {} })
    expect(await scored(async () => ({ reward: -1, parts: { a: 2 }, answer: '7' }))).toEqual({
      reward: -1,
      parts: { a: 2 },
      answer: '7',
    })
  })
})

describe('registry', () => {
  it('has a name, a sentence and defaults for each environment', () => {
    for (const [name, environment] of environments) {
      expect(environment.create(environment.options.parse({})).name).toBe(name)
      expect(environment.summary).toMatch(/^[A-Z\d].*\.$/)
    }
  })
})
