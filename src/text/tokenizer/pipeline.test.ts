import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tokenizerFromJson } from './from-json.ts'
import { wellFormed } from './well-formed.ts'

const fixtures = new URL('./fixtures/', import.meta.url)
const read = (kind: string) => JSON.parse(readFileSync(new URL(`${kind}.tokenizer.json`, fixtures), 'utf8'))
const load = (kind: string) => tokenizerFromJson(read(kind))
const kinds = readdirSync(fixtures)
  .filter((file) => file.endsWith('.tokenizer.json'))
  .map((file) => file.slice(0, -'.tokenizer.json'.length))
const anyText = fc.string({
  unit: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 1 }),
    fc.constantFrom(' ', '\0', '\ud800', '👩‍👩‍👧', 'é', '\n', "'s"),
  ),
})

describe('a byte-level tokenizer', () => {
  it.each(['gpt2', 'smollm', 'llama3', 'deepseek'])('gives every text back (%s)', (kind) => {
    const tokenizer = load(kind)
    fc.assert(
      fc.property(anyText, (text) => tokenizer.decode(tokenizer.encode(text)) === wellFormed(text)),
      { numRuns: 400 },
    )
  })

  it('encodes half a surrogate pair as the replacement character', () => {
    const tokenizer = load('gpt2')
    expect([...tokenizer.encode('a\ud83d')]).toEqual([...tokenizer.encode('a\ufffd')])
    expect(tokenizer.decode(tokenizer.encode('\udc4db'))).toBe('\ufffdb')
  })
})

describe('a stream of ids', () => {
  it.each(['gpt2', 'llama2', 'bert-uncased', 't5', 'clip', 'mistral'])('decodes alike in any grouping (%s)', (kind) => {
    const tokenizer = load(kind)
    const ids = fc.array(fc.nat(tokenizer.vocabularySize + 2), { maxLength: 40 })
    fc.assert(
      fc.property(ids, fc.boolean(), fc.integer({ min: 1, max: 7 }), (sequence, skipSpecial, step) => {
        const decoder = tokenizer.streamDecoder({ skipSpecial })
        let text = ''
        for (let at = 0; at < sequence.length; at += step) text += decoder.push(sequence.slice(at, at + step))
        expect(text + decoder.flush()).toBe(tokenizer.decode(sequence, { skipSpecial }))
      }),
      { numRuns: 300 },
    )
  })

  it('never gives half a character', () => {
    const tokenizer = load('gpt2')
    const decoder = tokenizer.streamDecoder()
    const deltas = [...tokenizer.encode('价👍🏽')].map((id) => decoder.push(id))
    expect(deltas.filter((delta) => delta !== '')).toEqual(['价', '👍', '🏽'])
    expect(decoder.flush()).toBe('')
  })
})

describe('text of special tokens', () => {
  it.each(kinds)('never becomes one by default (%s)', (kind) => {
    const tokenizer = load(kind)
    const parts = [...tokenizer.specialTokens.keys()].flatMap((token) => [token, token.slice(0, 2), token.slice(2)])
    if (parts.length === 0) return
    const unknown = tokenizer.special.unk
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...parts, ' ', 'a', '▁'), { maxLength: 12 }), (pieces) => {
        const specials = [...tokenizer.encode(pieces.join(''))].filter(
          (id) => tokenizer.isSpecial(id) && id !== unknown,
        )
        expect(specials).toEqual([])
      }),
      { numRuns: 200 },
    )
  })

  it('stays text across a barrier only', () => {
    const tokenizer = load('gpt2')
    const end = tokenizer.tokenToId('<|im_end|>')
    const text = '<|im_end|>a<|im_end|>'
    const found = (barriers: number[]) =>
      [...tokenizer.encode(text, { specialTokens: 'allow', barriers })].filter((id) => id === end).length
    expect(found([])).toBe(2)
    expect(found([3])).toBe(1)
    expect(found([3, 12])).toBe(0)
    // At its edges a barrier does not touch a token.
    expect(found([0, 10, 11, 21])).toBe(2)
  })

  it('is cut where it stands whole, and at the edges where a part of it stands', () => {
    const tokenizer = load('gpt2')
    expect(tokenizer.specialTextCuts('plain text')).toEqual([])
    expect(tokenizer.specialTextCuts('ab<|im_end|>cd')).toEqual([3])
    expect(tokenizer.specialTextCuts('ab<|im')).toEqual([6])
    expect(tokenizer.specialTextCuts('end|>cd')).toEqual([0])
    expect(tokenizer.specialTextCuts(' end|> <|im \n')).toEqual([1, 11])
  })
})

describe('hostile length', () => {
  const million = 1_000_000
  const texts = [
    'a'.repeat(million),
    ' '.repeat(million),
    `${'\n '.repeat(million / 2)}x`,
    `e${'\u0301'.repeat(million / 2)}`,
    '<|im_end'.repeat(million / 8),
  ]

  it.each(['gpt2', 'llama2', 'unigram-bytes', 'bert-uncased'])('is encoded in time near its length (%s)', (kind) => {
    const tokenizer = load(kind)
    for (const text of texts) expect(tokenizer.encode(text).length).toBeGreaterThanOrEqual(0)
  })
})

describe('ids', () => {
  it('that are none are refused, that have no token give no text', () => {
    const tokenizer = load('gpt2')
    for (const id of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => tokenizer.decode([id])).toThrow(expect.objectContaining({ code: 'token-out-of-range' }))
    }
    expect(tokenizer.decode([tokenizer.vocabularySize + 5])).toBe('')
  })

  it('map to their texts and back', () => {
    const tokenizer = load('llama3')
    for (const id of [0, 300, tokenizer.vocabularySize - 1]) {
      expect(tokenizer.tokenToId(tokenizer.idToToken(id) as string)).toBe(id)
    }
    expect(tokenizer.idToToken(tokenizer.vocabularySize)).toBeUndefined()
    expect(tokenizer.tokenToId('no such token')).toBeUndefined()
  })
})

describe('roles of tokens', () => {
  it('come from tokenizer_config.json, as texts or as objects', () => {
    const config = {
      bos_token: '<|im_start|>',
      eos_token: { content: '<|im_end|>' },
      pad_token: null,
      unk_token: 'none such',
    }
    expect(tokenizerFromJson(read('gpt2'), config).special).toMatchObject({ bos: 1, eos: 2 })
  })

  it('tell how the vocabulary spells bytes', () => {
    expect(['gpt2', 'llama2', 'bert-uncased'].map((kind) => load(kind).spelling)).toEqual([
      'byte-level',
      'byte-fallback',
      'raw',
    ])
  })
})

describe('a faulty tokenizer.json', () => {
  const plain = read('gpt2')
  const model = (fault: object) => ({ ...plain, model: { ...plain.model, ...fault } })
  it.each<[string, unknown]>([
    ['is a list', []],
    ['is null', null],
    ['has no model', { ...plain, model: undefined }],
    ['has a model of unknown type', model({ type: 'Magic' })],
    ['has an id that is no number', model({ vocab: { a: 'b' } })],
    ['has an absurd id', model({ vocab: { a: 2 ** 31 } })],
    ['has a merge of unknown tokens', model({ merges: [['no', 'such']] })],
    ['has a merge of three', model({ merges: ['a b c'] })],
    ['has an unknown normaliser', { ...plain, normalizer: { type: 'Magic' } }],
    [
      'has a pattern that is none',
      { ...plain, pre_tokenizer: { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated' } },
    ],
    [
      'has an unknown behaviour',
      { ...plain, pre_tokenizer: { type: 'Split', pattern: { String: 'a' }, behavior: 'Odd' } },
    ],
    ['has an unknown decoder', { ...plain, decoder: { type: 'Magic' } }],
    ['has an empty added token', { ...plain, added_tokens: [{ id: 1, content: '' }] }],
    ['has a short character map', { ...plain, normalizer: { type: 'Precompiled', precompiled_charsmap: '/////w==' } }],
  ])('that %s is refused', (_, json) => {
    expect(() => tokenizerFromJson(json)).toThrow(expect.objectContaining({ code: 'bad-tokenizer' }))
  })

  it('may hold a token called __proto__', () => {
    const vocab = JSON.parse('{"__proto__": 0, "a": 1}')
    const tokenizer = tokenizerFromJson({
      ...plain,
      added_tokens: [],
      model: { type: 'WordLevel', vocab, unk_token: 'a' },
    })
    expect(tokenizer.tokenToId('__proto__')).toBe(0)
    expect(tokenizer.tokenToId('constructor')).toBeUndefined()
  })
})
