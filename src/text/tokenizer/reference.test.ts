import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { tokenizerFromJson } from './from-json.ts'

const fixtures = new URL('./fixtures/', import.meta.url)
const read = (name: string) => JSON.parse(readFileSync(new URL(name, fixtures), 'utf8'))
const cases: string[] = JSON.parse(
  readFileSync(new URL('../../../tools/fixtures/tokenizers/cases.json', import.meta.url), 'utf8'),
)
const kinds = readdirSync(fixtures)
  .filter((file) => file.endsWith('.tokenizer.json'))
  .map((file) => file.slice(0, -'.tokenizer.json'.length))

describe.each(kinds)('the %s tokenizer against the ids and texts of PyPI tokenizers', (kind) => {
  const expected = read(`${kind}.expected.json`)
  const tokenizer = tokenizerFromJson(read(`${kind}.tokenizer.json`))
  const texts = [...cases, expected.last]

  it('reads special tokens where they are allowed', () => {
    texts.forEach((text, index) => {
      expect([...tokenizer.encode(text, { specialTokens: 'allow' })], text).toEqual(expected.allow[index])
    })
  })

  // The reference's unigram model matches control tokens even where they are to be text; ours never does.
  it.skipIf(kind === 't5' || kind === 'unigram-bytes')('reads special tokens as text by default', () => {
    texts.forEach((text, index) => {
      expect([...tokenizer.encode(text)], text).toEqual(expected.text[index])
    })
  })

  it('puts the frame around a sequence', () => {
    expect([...tokenizer.encode('one two', { addSpecial: true })]).toEqual(expected.framed)
  })

  it('decodes, with special tokens and without', () => {
    texts.forEach((text, index) => {
      // Of a run of byte tokens that is no UTF-8 the reference keeps nothing, ours the characters that are whole.
      if (text === '<0x0A><0xE4>') return
      expect(tokenizer.decode(expected.allow[index]), text).toBe(expected.decoded[index])
      expect(tokenizer.decode(expected.allow[index], { skipSpecial: true }), text).toBe(expected.skipped[index])
    })
  })

  it('streams the same text in any grouping of ids', () => {
    for (const ids of expected.allow) {
      const decoder = tokenizer.streamDecoder()
      let streamed = ''
      for (const id of ids) streamed += decoder.push(id)
      expect(streamed + decoder.flush()).toBe(tokenizer.decode(ids))
    }
  })
})
