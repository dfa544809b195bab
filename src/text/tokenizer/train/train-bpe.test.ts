import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { makeLines } from '../../../../tools/fixtures/tokenizers/lines.ts'
import { trainOnTexts } from '../../../../tools/fixtures/tokenizers/trained.ts'
import { tokenizerFromJson } from '../from-json.ts'
import { gpt2Pattern } from '../pre-tokenizers.ts'
import { trainBpe } from './train-bpe.ts'

const root = new URL('../../../../', import.meta.url)
const textOf = (name: string) => readFileSync(new URL(`tools/fixtures/tokenizers/text/${name}.txt`, root), 'utf8')
// As Python's splitlines, which the reference was trained on.
const corpus = ['english', 'chinese', 'code'].flatMap((name) => textOf(name).replace(/\n$/, '').split('\n'))

describe('trainBpe', () => {
  it('learns the vocabulary and merges that PyPI tokenizers learns from the same text', async () => {
    const reference = JSON.parse(readFileSync(new URL('src/text/tokenizer/fixtures/gpt2.tokenizer.json', root), 'utf8'))
    const specialTokens = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']
    const json = await trainBpe(corpus, { vocabularySize: 600, specialTokens, minFrequency: 0, pattern: gpt2Pattern })
    expect(json.model).toEqual(reference.model)
    expect(json).toEqual(reference)
  })

  it('saves what PyPI tokenizers loads, with equal ids', async () => {
    const tokenizer = tokenizerFromJson(await trainOnTexts())
    const expected = JSON.parse(readFileSync(new URL('tools/fixtures/tokenizers/trained.hashes.json', root), 'utf8'))
    const ids = makeLines(1000).map((line) => [...tokenizer.encode(line)])
    const hashes = Array.from({ length: 10 }, (_, block) => {
      const text = JSON.stringify(ids.slice(block * 100, block * 100 + 100))
      return createHash('sha256').update(text).digest('hex').slice(0, 16)
    })
    expect(hashes).toEqual(expected)
  })

  it('gives a tokenizer that gives every text back', async () => {
    const json = await trainBpe(corpus.slice(0, 300), { vocabularySize: 400, specialTokens: ['<s>'] })
    const tokenizer = tokenizerFromJson(json)
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => tokenizer.decode(tokenizer.encode(text)) === text),
      { numRuns: 300 },
    )
    expect(tokenizer.vocabularySize).toBe(400)
    expect([...tokenizer.encode('<s>', { specialTokens: 'allow' })]).toEqual([0])
  })

  it('does not depend on the order of the texts and reads asynchronous ones', async () => {
    async function* backwards() {
      for (const line of corpus.slice(0, 200).toReversed()) yield line
    }
    const forwards = await trainBpe(corpus.slice(0, 200), { vocabularySize: 350 })
    expect(await trainBpe(backwards(), { vocabularySize: 350 })).toEqual(forwards)
  })

  it('stops at pairs that are too rare', async () => {
    const json = await trainBpe(['ab ab', 'cd'], { vocabularySize: 1000, minFrequency: 2 })
    expect((json.model as { merges: unknown }).merges).toEqual([['a', 'b']])
  })

  it('refuses a size that cannot hold the bytes, and stops when told to', async () => {
    await expect(trainBpe([], { vocabularySize: 100 })).rejects.toMatchObject({ code: 'bad-argument' })
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(trainBpe(['a'], { vocabularySize: 300, signal })).rejects.toThrow('enough')
  })
})
