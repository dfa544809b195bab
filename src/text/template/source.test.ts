import { describe, expect, it } from 'vitest'
import { chooseChatTemplate } from './source.ts'

describe('chooseChatTemplate', () => {
  const tokenizerConfig = {
    chat_template: [
      { name: 'default', template: 'config' },
      { name: 'tool_use', template: 'config tools' },
    ],
  }
  const gguf = { 'tokenizer.chat_template': 'gguf', 'tokenizer.chat_template.tool_use': 'gguf tools' }

  it('takes the file first, then tokenizer_config.json, then the GGUF metadata', () => {
    expect(chooseChatTemplate({ file: 'file', tokenizerConfig, gguf })).toBe('file')
    expect(chooseChatTemplate({ tokenizerConfig, gguf })).toBe('config')
    expect(chooseChatTemplate({ tokenizerConfig: { chat_template: 'plain' }, gguf })).toBe('plain')
    expect(chooseChatTemplate({ tokenizerConfig: {}, gguf: new Map(Object.entries(gguf)) })).toBe('gguf')
    expect(chooseChatTemplate({})).toBeUndefined()
  })

  it('takes a named one where there is one', () => {
    expect(chooseChatTemplate({ tokenizerConfig }, 'tool_use')).toBe('config tools')
    expect(chooseChatTemplate({ gguf }, 'tool_use')).toBe('gguf tools')
    expect(chooseChatTemplate({ gguf }, 'rag')).toBe('gguf')
  })

  it('refuses one that is absurdly long', () => {
    expect(() => chooseChatTemplate({ file: ' '.repeat(2 ** 20 + 1) })).toThrow(
      expect.objectContaining({ code: 'template-too-large' }),
    )
  })
})
