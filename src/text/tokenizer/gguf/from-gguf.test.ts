import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { tokenizerFromGguf } from './from-gguf.ts'

const fixtures = new URL('../fixtures/', import.meta.url)
const read = (name: string) => JSON.parse(readFileSync(new URL(name, fixtures), 'utf8'))
const cases: string[] = JSON.parse(
  readFileSync(new URL('../../../../tools/fixtures/tokenizers/cases.json', import.meta.url), 'utf8'),
)
const kinds = readdirSync(fixtures)
  .filter((file) => file.endsWith('.gguf.json'))
  .map((file) => file.slice(0, -'.gguf.json'.length))

function metadataOf(kind: string): Record<string, unknown> {
  const metadata = read(`${kind}.gguf.json`)
  if (kind !== 't5') return metadata
  const characterMap = read('t5.tokenizer.json').normalizer.normalizers[0].precompiled_charsmap
  return { ...metadata, 'tokenizer.ggml.precompiled_charsmap': new Uint8Array(Buffer.from(characterMap, 'base64')) }
}

describe.each(kinds)('the GGUF vocabulary %s against the ids of llama.cpp', (kind) => {
  const expected = read(`${kind}.gguf-expected.json`)
  const tokenizer = tokenizerFromGguf(metadataOf(kind))
  const texts = [...cases, expected.last]
  // For WordPiece llama.cpp departs from BERT's own reference, which ours follows, on these characters and on long words.
  const departs = (text: string) => kind === 'bert' && /[İ\u0085\ufffd𠀀𠮷]|\S{101}/u.test(text)

  it('reads special tokens where they are allowed, and as text by default', () => {
    texts.forEach((text, index) => {
      if (departs(text)) return
      expect([...tokenizer.encode(text, { specialTokens: 'allow' })], text).toEqual(expected.allow[index])
      expect([...tokenizer.encode(text)], text).toEqual(expected.text[index])
    })
  })
})

describe('a GGUF vocabulary', () => {
  it('puts bos before a sequence where its kind wants it', () => {
    expect([...tokenizerFromGguf(metadataOf('llama')).encode('a', { addSpecial: true })][0]).toBe(1)
    const withoutBos = { ...metadataOf('llama'), 'tokenizer.ggml.add_bos_token': false }
    expect([...tokenizerFromGguf(withoutBos).encode('a', { addSpecial: true })][0]).not.toBe(1)
    expect([...tokenizerFromGguf(metadataOf('t5')).encode('a', { addSpecial: true })].at(-1)).toBe(1)
    const bert = [...tokenizerFromGguf(metadataOf('bert')).encode('a', { addSpecial: true })]
    expect([bert[0], bert.at(-1)]).toEqual([2, 3])
  })

  it('gives back the text of SentencePiece ids without the blank that encoding put first', () => {
    const tokenizer = tokenizerFromGguf(metadataOf('llama'))
    for (const text of ['Hello, world!', ' two  blanks', '价格 👍🏽', 'a\nb']) {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
    }
  })

  it.each([
    ['an unknown rule', { 'tokenizer.ggml.pre': 'no-such-rule' }, 'unsupported-tokenizer'],
    ['an unknown kind', { 'tokenizer.ggml.model': 'rwkv' }, 'unsupported-tokenizer'],
    ['no tokens', { 'tokenizer.ggml.tokens': undefined }, 'bad-tokenizer'],
    ['tokens that are no strings', { 'tokenizer.ggml.tokens': [1, 2] }, 'bad-tokenizer'],
    ['too few types', { 'tokenizer.ggml.token_type': [1] }, 'bad-tokenizer'],
    ['a merge of unknown tokens', { 'tokenizer.ggml.merges': ['no-such token'] }, 'bad-tokenizer'],
  ])('with %s is refused', (_, fault, code) => {
    expect(() => tokenizerFromGguf({ ...metadataOf('gpt2'), ...fault })).toThrow(expect.objectContaining({ code }))
  })
})
