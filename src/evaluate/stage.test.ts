import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { writeTinyCheckpoint } from '../generate/testing/text-model.ts'
import type { StageContext } from '../train/stages/stage.ts'
import { evaluate } from './stage.ts'

let base: string
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'r1-evaluate-'))
  await writeTinyCheckpoint(join(base, 'model'))
  await mkdir(join(base, 'out'))
  const anything = `export default {
    name: 'anything',
    *examples() { for (let index = 0; index < 4; index++) yield { prompt: 'say ' + index } },
    reward: ({ tokens }: { tokens: number[] }) => (tokens.length === 6 ? 1 : 0),
  }`
  await writeFile(join(base, 'anything.ts'), anything)
  await writeFile(join(base, 'text.txt'), 'none of these letters is foreseen well')
})
afterAll(() => rm(base, { recursive: true }))

const reports: object[] = []
const contextOf = (): StageContext => ({
  folder: join(base, 'out'),
  base,
  parent: join(base, 'model'),
  seed: 3,
  resume: false,
  signal: undefined,
  report: async (line) => void reports.push(line),
})

it('measures the checkpoint, hands it on, and leaves every text behind', async () => {
  const settings = evaluate.options.parse({
    tasks: ['./anything.ts', { name: 'sums', environment: 'arithmetic', options: { operations: ['+'] } }],
    ...{ limit: 2, samples: 2, maxNewTokens: 6, slots: 4, perplexity: ['text.txt'], window: 16 },
  })
  const result = await evaluate.run(settings, contextOf())
  const saved = JSON.parse(await readFile(join(base, 'out/evaluation.json'), 'utf8'))
  expect(result.checkpoint).toBe(join(base, 'model'))
  // A full reward is right, where the environment says nothing else; few random texts end before their limit.
  expect(result.metrics['./anything.ts/accuracy']).toBeGreaterThanOrEqual(0.5)
  expect(result.metrics['sums/accuracy']).toBe(0)
  expect(result.metrics['sums/pass@2']).toBe(0)
  expect(result.metrics['text.txt/perplexity']).toBeGreaterThan(20)
  expect(saved.perplexity).toMatchObject([{ perplexity: result.metrics['text.txt/perplexity'] }])
  expect(reports).toMatchObject([{ task: './anything.ts' }, { task: 'sums' }])
  const texts = (await readFile(join(base, 'out/samples.jsonl'), 'utf8')).trim().split('\n')
  expect(texts).toHaveLength(8)
  expect(saved.tasks[1]).toMatchObject({ task: 'sums', seed: 3, split: 'held-out' })
})

it('finds what is wrong with a task before anything runs', async () => {
  const plan = (task: string) => evaluate.plan(evaluate.options.parse({ tasks: [task] }), contextOf())
  await expect(plan('nothing-known')).rejects.toMatchObject({ code: 'unknown-environment' })
  await expect(plan('./none.ts')).rejects.toMatchObject({ code: 'file-not-found' })
  const empty = evaluate.plan(evaluate.options.parse({}), contextOf())
  await expect(empty).rejects.toMatchObject({ code: 'bad-option' })
  const noText = evaluate.plan(evaluate.options.parse({ perplexity: ['none.txt'] }), contextOf())
  await expect(noText).rejects.toMatchObject({ code: 'file-not-found' })
  expect((await plan('./anything.ts')).parameters).toBeGreaterThan(0)
})
