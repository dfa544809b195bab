import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toolFormatOf } from './formats.ts'
import { ToolParser, type ToolPart } from './tool-parser.ts'

const templates = {
  hermes: '… <tool_call> …',
  mistral: '… [TOOL_CALLS] …',
  llama: '… <|python_tag|> …',
  deepseek: '… <｜tool▁calls▁begin｜> …',
}

/** Text and calls of an answer that comes in pieces. */
function parse(template: keyof typeof templates, pieces: readonly string[]) {
  const parser = new ToolParser(toolFormatOf(templates[template]))
  const parts: ToolPart[] = [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()]
  return {
    text: parts.map((part) => ('text' in part ? part.text : '')).join(''),
    calls: parts.flatMap((part) => ('calls' in part ? part.calls : [])).map((call) => [call.name, call.arguments]),
  }
}

const paris = ['weather', { city: 'Paris' }]
const rome = ['weather', { city: 'Rome' }]
const call = (city: string) => `{"name": "weather", "arguments": {"city": "${city}"}}`

describe('ToolParser', () => {
  it.each<[keyof typeof templates, string, string, unknown[]]>([
    ['hermes', `Look: <tool_call>\n${call('Paris')}\n</tool_call>`, 'Look: ', [paris]],
    ['hermes', `<tool_call>${call('Paris')}</tool_call>\n<tool_call>${call('Rome')}</tool_call>`, '\n', [paris, rome]],
    ['hermes', `<tool_call>[${call('Paris')}, ${call('Rome')}]</tool_call>`, '', [paris, rome]],
    ['hermes', `<tool_call>${call('Paris')}`, '', [paris]],
    [
      'hermes',
      '<tool_call>\n<function=weather>\n<parameter=city>\nParis\n</parameter>\n</function>\n</tool_call>',
      '',
      [paris],
    ],
    ['hermes', '<tool_call>{"name": 7}</tool_call>', '<tool_call>{"name": 7}</tool_call>', []],
    ['hermes', 'write <tool_ca', 'write <tool_ca', []],
    ['mistral', `[TOOL_CALLS][${call('Paris')}, ${call('Rome')}]`, '', [paris, rome]],
    ['mistral', '[TOOL_CALLS]weather[ARGS]{"city": "Paris"}', '', [paris]],
    ['llama', '{"name": "weather", "parameters": {"city": "Paris"}}', '', [paris]],
    ['llama', '<|python_tag|>{"name": "weather", "parameters": {"city": "Paris"}}', '', [paris]],
    ['llama', '{"answer": 42}', '{"answer": 42}', []],
    ['llama', 'It is {"name": "x"}', 'It is {"name": "x"}', []],
    [
      'deepseek',
      '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n{"city": "Paris"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
      '',
      [paris],
    ],
    [
      'deepseek',
      'So.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{"city": "Paris"}<｜tool▁call▁end｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{"city": "Rome"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
      'So.',
      [paris, rome],
    ],
  ])('reads %s: %j', (template, answer, text, calls) => {
    expect(parse(template, [answer])).toEqual({ text, calls })
    expect(parse(template, Array.from(answer))).toEqual({ text, calls })
  })

  it('gives the same however the answer is cut, and loses no text', () => {
    const pieces = fc.constantFrom('<tool_call>', '</tool_call>', '<', 'tool', '{', '}', call('Paris'), ' ', 'a', '\n')
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 15 }), fc.array(fc.nat(200), { maxLength: 9 }), (parts, cuts) => {
        const answer = parts.join('')
        const places = [0, ...cuts.map((cut) => Math.min(cut, answer.length)).sort((a, b) => a - b), answer.length]
        const chunks = places.slice(1).map((end, index) => answer.slice(places[index], end))
        const whole = parse('hermes', [answer])
        expect(parse('hermes', chunks)).toEqual(whole)
        if (whole.calls.length === 0) expect(whole.text).toBe(answer)
      }),
      { numRuns: 1000 },
    )
  })

  it('takes time in proportion to the answer where every character could begin a call', () => {
    const parser = new ToolParser(toolFormatOf(templates.hermes))
    let length = 0
    for (const character of '<tool_call'.repeat(20_000)) {
      for (const part of parser.push(character)) if ('text' in part) length += part.text.length
    }
    const open = new ToolParser(toolFormatOf(templates.hermes))
    open.push('<tool_call>')
    for (let index = 0; index < 20_000; index++) expect(open.push('<function=<parameter=')).toEqual([])
    for (const part of [...parser.end(), ...open.end()]) if ('text' in part) length += part.text.length
    expect(length).toBe(200_000 + 11 + 20_000 * 21)
  })
})
