import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { tokenizerFromJson } from './from-json.ts'
import { timeLimit } from './time-limit.ts'
import { hasForeignPattern } from './trusted-patterns.ts'

/** Patterns that take time exponential, or of a high power, in the length of the text. */
const hostile = [
  '(a+)+b',
  '(a|a)*b',
  '(a|aa)+b',
  '(?:a*)*b',
  '(.*)*b',
  'a*a*a*a*a*a*a*b',
  '^(([a-z])+.)+[A-Z]([a-z])+b',
]
const text = `${'a'.repeat(5000)}!`
const plain = { model: { type: 'WordLevel', vocab: { a: 0 }, unk_token: 'a' } }
const withSplit = (Regex: string) => ({
  ...plain,
  pre_tokenizer: { type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false },
})

describe('a tokenizer.json with a hostile pattern', () => {
  it.each(hostile)('%s does not hang', (pattern) => {
    const tokenizer = tokenizerFromJson(withSplit(pattern))
    expect(() => tokenizer.encode(text)).toThrow(expect.objectContaining({ code: 'bad-tokenizer' }))
    // The tokenizer is as good as before for texts that do not provoke it.
    expect([...tokenizer.encode('a')]).toEqual([0])
  })

  it('is stopped in a normaliser and in a decoder too', () => {
    const replace = { type: 'Replace', pattern: { Regex: '(a+)+b' }, content: 'x' }
    const bad = expect.objectContaining({ code: 'bad-tokenizer' })
    expect(() => tokenizerFromJson({ ...plain, normalizer: replace }).encode(text)).toThrow(bad)
    const many = { ...plain, model: { ...plain.model, vocab: { ['a'.repeat(5000)]: 0, a: 1 } } }
    expect(() => tokenizerFromJson({ ...many, decoder: replace }).decode([0])).toThrow(bad)
    const sequence = { type: 'Sequence', decoders: [{ type: 'Fuse' }, replace] }
    expect(() => tokenizerFromJson({ ...plain, decoder: sequence }).decode(Array(5000).fill(0))).toThrow(bad)
  })

  it('is told from a machine that was elsewhere: what has not computed is tried again', () => {
    const lock = new Int32Array(new SharedArrayBuffer(4))
    const limit = timeLimit()
    let attempts = 0
    // Longer than the limit by the clock, at first without a moment of the processor's time.
    const task = () => {
      if (++attempts < 4) Atomics.wait(lock, 0, 0, 1000)
      return 'done'
    }
    expect(limit(0, task)).toBe('done')
    expect(attempts).toBeGreaterThan(1)
    const endless = () => {
      for (;;) /^(a+)+b$/.test('a'.repeat(18))
    }
    expect(() => limit(0, endless)).toThrow(expect.objectContaining({ code: 'bad-tokenizer' }))
  })

  it('takes one time for a whole text, however many pieces it is cut into', () => {
    const pieces = `${'a'.repeat(22)} `.repeat(2000)
    const sequence = {
      type: 'Sequence',
      pretokenizers: [{ type: 'WhitespaceSplit' }, withSplit('(a+)+b').pre_tokenizer],
    }
    const tokenizer = tokenizerFromJson({ ...plain, pre_tokenizer: sequence })
    expect(() => tokenizer.encode(pieces)).toThrow(expect.objectContaining({ code: 'bad-tokenizer' }))
  })

  it('that no engine can compile is refused', () => {
    for (const pattern of ['('.repeat(19_000), 'a'.repeat(30_000), '(?:(?:a{1000}){1000}){1000}b{1000}']) {
      let found: unknown
      try {
        tokenizerFromJson(withSplit(pattern)).encode(text)
      } catch (error) {
        found = error
      }
      expect(found === undefined || (found as { code?: string }).code === 'bad-tokenizer').toBe(true)
    }
  })
})

describe('patterns', () => {
  it('of published tokenizers run without a limit', () => {
    const folder = join(import.meta.dirname, 'fixtures')
    const files = readdirSync(folder).filter((name) => name.endsWith('.tokenizer.json'))
    const stages = files.map((name) => {
      const { normalizer, pre_tokenizer, decoder } = JSON.parse(readFileSync(join(folder, name), 'utf8'))
      return { normalizer, pre_tokenizer, decoder }
    })
    expect(files.length).toBeGreaterThan(10)
    expect(stages.filter((stage) => hasForeignPattern(stage))).toEqual([])
    expect(hasForeignPattern(withSplit('x'))).toBe(true)
  })

  it('that are unknown but ordinary give what they gave, within their limit', () => {
    const tokenizer = tokenizerFromJson(withSplit('\\p{L}+|[^\\p{L}]+'))
    expect([...tokenizer.encode('a, a; a')]).toEqual([0, 0, 0, 0, 0])
    expect(tokenizer.encode('a, '.repeat(100_000)).length).toBe(200_000)
  })
})

describe('timeLimit', () => {
  it('gives back what the task gives, and its own errors', () => {
    const limit = timeLimit()
    expect(limit(1, () => [1, 2])).toEqual([1, 2])
    expect(() =>
      limit(1, () => {
        throw new TypeError('mine')
      }),
    ).toThrow(TypeError)
    expect(limit(1, () => timeLimit()(1, () => 'inner'))).toBe('inner')
  })
})
