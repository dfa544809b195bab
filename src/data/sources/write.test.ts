import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { R1Error } from '../../errors.ts'
import { collect, failureOf } from '../testing/collect.ts'
import { documentsOf, randomText } from '../testing/documents.ts'
import { openDocuments } from './records.ts'
import { writeRecords } from './write.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-write-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function* source(count: number, fails = false) {
  yield* documentsOf(Array.from({ length: count }, (_, index) => `${randomText(index, 60)}\n文😀`))
  if (fails) throw new R1Error('bad-record', 'broken')
}

describe('writeRecords', () => {
  it.each(['out.jsonl', 'out.jsonl.gz'])('writes what can be read back to %s', async (name) => {
    const path = join(folder, name)
    expect(await writeRecords(path, source(2000))).toBe(2000)
    const texts = (await collect(await openDocuments(path))).map(({ text }) => text)
    expect(texts).toEqual((await collect(source(2000))).map(({ text }) => text))
  })

  it('leaves no file behind when the records break off, and says so when it cannot write', async () => {
    const before = await readdir(folder)
    expect((await failureOf(() => writeRecords(join(folder, 'part.jsonl'), source(3000, true)))).code).toBe(
      'bad-record',
    )
    expect(await readdir(folder)).toEqual(before)
    expect((await failureOf(() => writeRecords(join(folder, 'no/such/out.jsonl'), source(1)))).code).toBe(
      'file-not-found',
    )
  })
})
