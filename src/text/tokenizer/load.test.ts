import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadTokenizer } from './load.ts'
import { saveTokenizer } from './train/save.ts'
import { trainBpe } from './train/train-bpe.ts'

describe('loadTokenizer', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tokenizer-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('says what is missing', async () => {
    await expect(loadTokenizer(folder)).rejects.toMatchObject({ code: 'tokenizer-not-found' })
  })

  it('loads what was trained and saved, with the roles of its tokens', async () => {
    const json = await trainBpe(['a b', 'a b'], { vocabularySize: 300, specialTokens: ['<s>', '</s>'] })
    await saveTokenizer(folder, json, { bos: '<s>', eos: '</s>' })
    const tokenizer = await loadTokenizer(folder)
    expect(tokenizer.special).toMatchObject({ bos: 0, eos: 1 })
    expect(tokenizer.decode(tokenizer.encode('a b'))).toBe('a b')
  })

  it('refuses a role for a token that there is not', async () => {
    const json = await trainBpe([], { vocabularySize: 256 })
    await expect(saveTokenizer(folder, json, { eos: '</s>' })).rejects.toMatchObject({ code: 'bad-argument' })
  })

  it('refuses what is no JSON', async () => {
    await writeFile(join(folder, 'tokenizer.json'), '{"model": ')
    await expect(loadTokenizer(folder)).rejects.toMatchObject({ code: 'bad-tokenizer' })
  })
})
