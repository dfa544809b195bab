import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { GgufEntry } from '../../checkpoint/gguf/encode.ts'
import { tokenizerEntries } from '../../checkpoint/gguf/from-tokenizer.ts'
import { tokenizerOfMetadata } from '../../checkpoint/gguf/to-tokenizer.ts'
import type { GgufValue } from '../../checkpoint/gguf/value.ts'
import { tokenizerFromJson } from '../../text/tokenizer/from-json.ts'
import { tokenizerFromGguf } from '../../text/tokenizer/gguf/from-gguf.ts'

const read = (path: string) => JSON.parse(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8'))
const cases: string[] = read('tools/fixtures/tokenizers/cases.json')

/** Entries as a reader of the file gives them. */
function asRead({ key, type, value }: GgufEntry): [string, GgufValue] {
  if (!Array.isArray(value)) return [key, value as GgufValue]
  if (type === 'F32') return [key, Float32Array.from(value as number[])]
  return [key, type === 'I32' ? Int32Array.from(value as number[]) : (value as GgufValue)]
}

describe.each(['gpt2', 'smollm', 'qwen2', 'llama3', 'llama2', 'deepseek'])('the tokenizer %s', (kind) => {
  const json = read(`src/text/tokenizer/fixtures/${kind}.tokenizer.json`)
  const before = tokenizerFromJson(json)
  const entries = tokenizerEntries(
    { tokenizer: json, tokenizerConfig: {}, chatTemplate: '{{ messages }}' },
    { vocab_size: before.vocabularySize + 3 },
  )
  const metadata = new Map(entries.map(asRead))
  // GGUF has no words for Unicode normalisation, nor for whether an added token must stand alone or takes blanks along.
  const added: string[] = json.added_tokens.map((token: { content: string }) => token.content)
  const plain = cases.filter((text) => text === text.normalize('NFC') && !added.some((token) => text.includes(token)))

  it('gives the same ids from the GGUF it is written to', () => {
    const after = tokenizerFromGguf(metadata)
    for (const text of plain) expect([...after.encode(text)], JSON.stringify(text)).toEqual([...before.encode(text)])
  })

  it('gives the same ids from the tokenizer.json written from that GGUF', () => {
    const files = tokenizerOfMetadata(metadata)
    const after = tokenizerFromJson(files?.tokenizer, files?.tokenizerConfig)
    for (const text of plain) expect([...after.encode(text)], JSON.stringify(text)).toEqual([...before.encode(text)])
  })

  it('comes back with its normaliser, or without one', () => {
    expect(tokenizerOfMetadata(metadata)?.tokenizer.normalizer).toEqual(json.normalizer)
  })

  it('keeps the chat template', () => {
    expect(metadata.get('tokenizer.chat_template')).toBe('{{ messages }}')
  })
})
