import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  opensReasoning,
  type ReasoningEvent,
  ReasoningParser,
  type ReasoningParserOptions,
} from './reasoning-parser.ts'

/** Feeds the chunks and joins what comes out into runs of one kind. */
function parse(chunks: readonly string[], options?: ReasoningParserOptions): [reasoning: string, text: string] {
  const parser = new ReasoningParser(options)
  const events = [...chunks.flatMap((chunk) => parser.push(chunk)), ...parser.end()]
  const joined = (type: ReasoningEvent['type']) =>
    events
      .filter((event) => event.type === type)
      .map((event) => event.delta)
      .join('')
  return [joined('reasoning-delta'), joined('text-delta')]
}

describe('ReasoningParser', () => {
  it.each<[string, ReasoningParserOptions, [string, string]]>([
    ['<think>2+2</think>4', {}, ['2+2', '4']],
    ['\n<think>\n2+2\n</think>\n\n4 ', {}, ['\n2+2\n', '\n\n\n4 ']],
    ['\n<think>\n2+2\n</think>\n\n4 ', { trim: true }, ['2+2', '4 ']],
    ['2+2</think>4', { inside: true }, ['2+2', '4']],
    ['\n2+2', { inside: true, trim: true }, ['2+2', '']],
    ['no thought at all', {}, ['', 'no thought at all']],
    ['write <think> to begin', {}, ['', 'write <think> to begin']],
    ['a<think>b</think>c<think>d</think>e', { anywhere: true }, ['bd', 'ace']],
    ['a</think>b', {}, ['', 'a</think>b']],
    ['<think>a<think>b</think>c', {}, ['a<think>b', 'c']],
    ['<think>unfinished', {}, ['unfinished', '']],
    ['[THINK]a[/THINK]b', { tags: { open: '[THINK]', close: '[/THINK]' } }, ['a', 'b']],
    ['<think', {}, ['', '<think']],
    ['a</thin', { inside: true }, ['a</thin', '']],
  ])('parts %j with %j', (text, options, expected) => {
    expect(parse([text], options)).toEqual(expected)
    expect(parse(Array.from(text), options)).toEqual(expected)
  })

  it('gives the same result however the stream is cut, and loses nothing but the tags', () => {
    const pieces = fc.constantFrom(
      '<think>',
      '</think>',
      '<',
      '</',
      'think>',
      '<thi',
      '\n',
      ' ',
      'a',
      '价格',
      '>',
      '<think>\n',
    )
    const options = fc.record({ inside: fc.boolean(), anywhere: fc.boolean(), trim: fc.boolean() })
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 20 }),
        fc.array(fc.nat(60), { maxLength: 12 }),
        options,
        (parts, cuts, chosen) => {
          const text = parts.join('')
          const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length]
          const chunks = places.slice(1).map((end, index) => text.slice(places[index], end))
          const whole = parse([text], chosen)
          expect(parse(chunks, chosen)).toEqual(whole)
          const kept = (whole[0] + whole[1]).length
          const tags = text.length - kept
          if (!chosen.trim) expect(tags === 0 || /<\/?think>/.test(text)).toBe(true)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('keeps the order of the parts', () => {
    const parser = new ReasoningParser({ anywhere: true })
    expect(parser.push('a<think>b</think>c')).toEqual([
      { type: 'text-delta', delta: 'a' },
      { type: 'reasoning-delta', delta: 'b' },
      { type: 'text-delta', delta: 'c' },
    ])
  })

  it('takes time in proportion to the text where nearly every character could begin a tag', () => {
    const parser = new ReasoningParser({ inside: true })
    const text = '</think'.repeat(30_000)
    let length = 0
    for (const character of text) for (const event of parser.push(character)) length += event.delta.length
    for (const event of parser.end()) length += event.delta.length
    expect(length).toBe(text.length)
  })
})

describe('opensReasoning', () => {
  it('looks at the end of the prompt only', () => {
    expect(opensReasoning('<｜User｜>hi<｜Assistant｜><think>\n')).toBe(true)
    expect(opensReasoning('what does <think> mean?<|im_end|>\n<|im_start|>assistant\n')).toBe(false)
    expect(opensReasoning('<think>\n\n</think>\n\n')).toBe(false)
  })
})
