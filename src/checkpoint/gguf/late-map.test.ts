import { describe, expect, it, vi } from 'vitest'
import { memorySource } from '../bytes/source.ts'
import { textEntry, wholeEntry } from './encode.ts'
import { readGgufHeader } from './header.ts'
import { LateMap } from './late-map.ts'
import { encodeGguf } from './write.ts'

async function headerOf(texts: readonly string[], cut = 0) {
  const entries = [
    textEntry('general.architecture', 'llama'),
    { key: 'tokenizer.ggml.tokens', type: 'STRING' as const, value: [...texts] },
    wholeEntry('after', 7),
  ]
  const parts: Uint8Array[] = []
  for await (const part of encodeGguf(entries, [])) parts.push(part)
  const bytes = Buffer.concat(parts)
  return readGgufHeader(memorySource(bytes.subarray(0, bytes.length - cut)))
}

describe('long lists of texts in a header', () => {
  it('are given as they were written, whichever way one asks', async () => {
    const texts = Array.from({ length: 1000 }, (_, at) => `${'数'.repeat(at % 5)}${at}`)
    expect((await headerOf(texts)).metadata.get('tokenizer.ggml.tokens')).toEqual(texts)
    const byKey = new Map<string, unknown>()
    const { metadata } = await headerOf(texts)
    metadata.forEach((value, key) => {
      byKey.set(key, value)
    })
    expect([...byKey]).toEqual([...metadata])
    expect([...(await headerOf(texts)).metadata.values()][1]).toEqual(texts)
    expect([...metadata.keys()]).toEqual(['general.architecture', 'tokenizer.ggml.tokens', 'after'])
  })

  it('that pass the end of the file are refused at once', async () => {
    const texts = Array.from({ length: 1000 }, (_, at) => `token ${at}`)
    await expect(headerOf(texts, 4000)).rejects.toMatchObject({ code: 'bad-checkpoint' })
  })

  it('are made once', () => {
    const make = vi.fn(() => ['a'])
    const map = new LateMap()
    map.setLate('key', make)
    expect(map.has('key')).toBe(true)
    expect(make).not.toHaveBeenCalled()
    expect(map.get('key')).toBe(map.get('key'))
    expect(make).toHaveBeenCalledTimes(1)
  })
})
