import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Random } from '../../data/index.ts'
import { data, measureData } from './data.ts'
import { plantedKinds } from './data-corpus.ts'

let folder: string
const quiet = { progress: () => undefined }

/** English enough: every second word holds sentences together, the others are random. */
function sentence(random: Random): string {
  const links = ['the', 'of', 'and', 'to', 'in', 'is', 'that', 'for']
  const words = Array.from({ length: 16 }, (_, index) =>
    index % 2 === 0
      ? random.pick(links)
      : Array.from({ length: 6 }, () => random.pick('abcdefghijklmnoprstuvw')).join(''),
  )
  return `The ${words.join(' ')}.`
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-bench-test-'))
  const random = new Random(1)
  const texts = Array.from({ length: 30 }, () => Array.from({ length: 100 }, () => sentence(random)).join(' '))
  await writeFile(join(folder, 'texts.jsonl'), texts.map((text) => JSON.stringify({ text })).join('\n'))
  await writeFile(join(folder, 'few.jsonl'), JSON.stringify({ text: sentence(random) }))
})
afterEach(() => {
  vi.unstubAllEnvs()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('r1 bench data', () => {
  it('finds every planted duplicate and all noise, and drops next to nothing else', async () => {
    vi.stubEnv('TMPDIR', folder)
    const result = await measureData({ megabytes: 3, from: [join(folder, 'texts.jsonl')], seed: 2 }, quiet)
    for (const kind of plantedKinds) {
      const { planted, found } = result.planted[kind]
      expect(planted).toBeGreaterThan(3)
      expect(found, kind).toBeGreaterThanOrEqual(Math.floor(0.97 * planted))
    }
    expect(result.planted.exact.found).toBe(result.planted.exact.planted)
    expect(result.cleanDropped).toBeLessThanOrEqual(0.005 * result.clean)
    expect(result.report.documents).toBe(result.documents)
    expect(result.megabytes).toBeCloseTo(3, 1)
    expect((await readdir(folder)).sort()).toEqual(['few.jsonl', 'texts.jsonl'])
  })

  it('says when there is too little text to make documents of', async () => {
    const run = measureData({ megabytes: 1, from: [join(folder, 'few.jsonl')], seed: 2 }, quiet)
    await expect(run).rejects.toMatchObject({ code: 'bad-data' })
  })

  it('says which option is wrong', () => {
    const context = { ...quiet, signal: new AbortController().signal }
    const run = (options: object) => () => data.run({ size: '1', from: 'texts.jsonl', seed: '0', ...options }, context)
    expect(run({ size: 'big' })).toThrow('--size is a number of MB, not "big"')
    expect(run({ seed: '1.5' })).toThrow('--seed is a whole number, not "1.5"')
  })
})
