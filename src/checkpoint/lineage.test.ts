import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readLineage, writeLineage } from './lineage.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-lineage-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('lineage', () => {
  it('comes back as it was written, with what later versions add', async () => {
    expect(await readLineage(folder)).toBeUndefined()
    const lineage = {
      version: 1 as const,
      parent: { name: 'base', sha256: 'a'.repeat(64) },
      recipe: { name: 'countdown' },
      stage: 'sft',
      seed: 7,
      data: { 'train.jsonl': 'b'.repeat(64) },
      metrics: { loss: 1.5 },
      later: { kept: true },
    }
    await writeLineage(folder, lineage)
    expect(await readLineage(folder)).toEqual(lineage)
  })

  it('that is wrong is refused with the key that is wrong', async () => {
    await writeFile(
      join(folder, 'r1.json'),
      JSON.stringify({ version: 1, parent: null, stage: 'sft', data: { a: 'short' } }),
    )
    await expect(readLineage(folder)).rejects.toThrow(/data\.a/)
  })
})
