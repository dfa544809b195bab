import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Random } from '../../data/index.ts'
import { r1Model, saveModel } from '../../models/index.ts'
import { Variables } from '../../runtime/variables.ts'
import { loadTokenizer, saveTokenizer, type Tokenizer, trainBpe } from '../../text/index.ts'
import { rewardModel } from '../../train/stages/reward-model.ts'
import { sft } from '../../train/stages/sft.ts'
import type { Stage, StageContext } from '../../train/stages/stage.ts'
import { learnedReward } from '../learned-reward.ts'
import { ppo } from './ppo.ts'

let folder: string
let tokenizer: Tokenizer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-learned-'))
  const end = '<|endoftext|>'
  const json = await trainBpe([], { vocabularySize: 257, specialTokens: [end] })
  await saveTokenizer(join(folder, 'new'), json, { eos: end, pad: end })
  tokenizer = await loadTokenizer(join(folder, 'new'))
  const model = r1Model({ depth: 1, width: 64, positions: 64, vocabulary: 320 })
  using variables = new Variables(4)
  for (const { name, tensor } of model.parameters()) variables.ensure(tensor, name)
  const lineage = { version: 1, parent: null, stage: 'new', seed: 4 } as const
  await saveModel(join(folder, 'new'), { model, variables }, { lineage })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs a stage on the checkpoint of another. @returns its own */
async function run(stage: Stage, parent: string, options: object): Promise<string> {
  const place = join(folder, stage.name)
  await mkdir(place)
  const context: StageContext = {
    ...{ folder: place, base: folder, parent, seed: 3, threads: 1, resume: false, signal: undefined },
    report: async () => {},
  }
  const settings = stage.options.parse(options)
  await stage.plan(settings, context)
  return (await stage.run(settings, context)).checkpoint
}

async function linesOf(stage: string): Promise<Record<string, number>[]> {
  const text = await readFile(join(folder, stage, 'metrics.jsonl'), 'utf8')
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

const letters = [...'abcdefghijklmnopqrstuvwxyz']

type WordOf = (from: readonly string[], length: number) => string

/** Writes records made of random words of so many letters out of some. @returns the file's name */
async function writeRecords(name: string, count: number, recordOf: (wordOf: WordOf, index: number) => object) {
  const random = new Random(5, name)
  const wordOf: WordOf = (from, length) =>
    Array.from({ length }, () => from[Math.floor(random.uniform() * from.length)]).join('')
  const lines = Array.from({ length: count }, (_, index) => `${JSON.stringify(recordOf(wordOf, index))}\n`)
  await writeFile(join(folder, name), lines.join(''))
  return name
}

describe('ppo with a learned reward', () => {
  it('raises what it has learnt, and with it the true reward, which it never sees', async () => {
    const isEven = (letter: string) => (tokenizer.encode(letter)[0] as number) % 2 === 0
    const [even, odd] = [letters.filter(isEven), letters.filter((letter) => !isEven(letter))]
    const words = await writeRecords('words.jsonl', 500, (wordOf) => ({ prompt: '7:', completion: wordOf(letters, 8) }))
    // Of what ends early nothing is said by letters alone: short words are rejected too.
    const pairs = await writeRecords('pairs.jsonl', 2000, (wordOf, index) => ({
      ...{ prompt: '7:', chosen: wordOf([...even, ...letters], 8) },
      rejected: index % 2 ? wordOf([...odd, ...letters], 8) : wordOf(letters, index % 8),
    }))
    const loop = { batch: 32, length: 16, rate: 1e-2 }
    const start = await run(sft, join(folder, 'new'), { data: { files: words }, steps: 40, ...loop })
    const judge = await run(rewardModel, start, { data: { files: pairs }, steps: 80, ...loop, rate: 3e-3 })
    await run(ppo, start, {
      environment: fileURLToPath(new URL('../testing/even.ts', import.meta.url)),
      ...{ reward: judge, steps: 10, questions: 8, group: 8, promptLength: 8, maxNewTokens: 12, rate: 2e-3 },
      ...{ slots: 32, rows: 8, epochs: 2, guards: { zeroVariance: 0 } },
    })
    const rows = await linesOf('ppo')
    const mean = (name: string, part: readonly Record<string, number>[]) =>
      part.reduce((sum, row) => sum + (row[name] ?? Number.NaN), 0) / part.length
    for (const name of ['reward', 'reward.true']) {
      expect(mean(name, rows.slice(-3))).toBeGreaterThan(mean(name, rows.slice(0, 3)) + 0.1)
    }
  })
})

describe('a learned reward', () => {
  it('scores what is asked for at once side by side, and hands on what fails', async () => {
    const asked: number[] = []
    const score = learnedReward({
      async score(sequences) {
        asked.push(sequences.length)
        if (sequences.some(({ length }) => length === 0)) throw new Error('nothing to score')
        return sequences.map(({ length }) => length)
      },
    })
    expect(await Promise.all([1, 2, 3].map((length) => score(new Int32Array(length))))).toEqual([1, 2, 3])
    expect(await score(new Int32Array(4))).toBe(4)
    await expect(score(new Int32Array(0))).rejects.toThrow('nothing to score')
    expect(asked).toEqual([3, 1, 1])
  })
})
