import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { writeTinyCheckpoint } from '../../generate/testing/text-model.ts'
import { createProgram } from '../program.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-eval-'))
  await writeTinyCheckpoint(folder)
  await writeFile(join(folder, 'text.txt'), 'all of these letters are foreseen badly by random weights. '.repeat(4))
})
afterAll(() => rm(folder, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

async function run(...words: string[]): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  await createProgram().parseAsync(['eval', folder, ...words], { from: 'user' })
  const text = write.mock.calls.map(([part]) => part).join('')
  write.mockRestore()
  return text
}

const reverseWords = fileURLToPath(new URL('../../../examples/reverse-words.ts', import.meta.url))

it('measures perplexity: about the number of tokens for random weights', async () => {
  const found = JSON.parse(await run('--perplexity', join(folder, 'text.txt'), '--window', '64', '--json'))
  const { perplexity, tokens, loss, bitsPerByte } = found.perplexity
  expect(Math.exp(loss)).toBeCloseTo(perplexity, 6)
  expect(perplexity).toBeGreaterThan(20)
  expect(perplexity).toBeLessThan(1000)
  // A token is a letter is a byte.
  expect(bitsPerByte).toBeCloseTo(loss / Math.LN2, 6)
  expect(tokens).toBe(59 * 4 - Math.ceil((59 * 4) / 64))
  await expect(run('--perplexity', join(folder, 'none'))).rejects.toMatchObject({ code: 'file-not-found' })
})

it('measures tasks: what random weights write is wrong, the same for the same seed, every text on record', async () => {
  const output = join(folder, 'texts.jsonl')
  const tasks = [
    '--tasks',
    `arithmetic,${reverseWords}`,
    '--limit',
    '3',
    '--samples',
    '2',
    '--max-tokens',
    '8',
    '--slots',
    '4',
  ]
  const result = JSON.parse(await run(...tasks, '--output', output, '--json'))
  expect(result.tasks).toMatchObject([
    { task: 'arithmetic', examples: 3, samples: 2, temperature: 1, accuracy: { value: 0, low: 0 } },
    { task: reverseWords, examples: 3, parts: { letters: 0 }, passAt: { 2: { value: 0 } } },
  ])
  const texts = (await readFile(output, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(texts).toHaveLength(12)
  expect(texts[0]).toMatchObject({ task: 'arithmetic', example: 0, reward: 0, correct: false })
  const again = JSON.parse(await run(...tasks, '--json'))
  expect(again).toEqual(result)
  expect(await run(...tasks)).toContain('pass@2 0.0 %')
})

it('says what is wrong before it loads a model', async () => {
  await expect(run()).rejects.toMatchObject({ code: 'no-card' })
  await expect(run('--tasks', 'contdown')).rejects.toMatchObject({ code: 'unknown-environment' })
  await expect(run('--tasks', 'countdown', '--limit', 'all')).rejects.toMatchObject({ code: 'bad-option' })
  await expect(run('--tasks', './none.ts')).rejects.toMatchObject({ code: 'file-not-found' })
})
