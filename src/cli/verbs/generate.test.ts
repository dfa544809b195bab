import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { writeTinyCheckpoint } from '../../generate/testing/text-model.ts'
import { createProgram } from '../program.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-generate-'))
  await writeTinyCheckpoint(folder)
  await writeFile(join(folder, 'text.txt'), 'all of these letters are foreseen badly by random weights. '.repeat(4))
})
afterAll(() => rm(folder, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

async function run(...words: string[]): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  await createProgram().parseAsync(words, { from: 'user' })
  const text = write.mock.calls.map(([part]) => part).join('')
  write.mockRestore()
  return text
}

it('r1 generate writes a text, the same for the same seed, plainly and as JSON', async () => {
  const words = ['generate', folder, 'hello', '--temperature', '1', '--seed', '4', '--max-tokens', '12']
  const text = await run(...words)
  const found = JSON.parse(await run(...words, '--json', '--n', '2'))
  expect(found.choices).toHaveLength(2)
  expect(`${found.choices[0].text}\n`).toBe(text)
  expect(found.choices[0].usage.completion_tokens).toBeLessThanOrEqual(12)
  await expect(run('generate', folder, 'hello', '--temperature', '-3')).rejects.toMatchObject({ code: 'bad-option' })
  await expect(run('generate', join(folder, 'nowhere'), 'hello')).rejects.toMatchObject({ code: 'file-not-found' })
})
