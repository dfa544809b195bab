import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readGgufMetadata } from '../../../tools/fixtures/tokenizers/gguf-header.ts'
import { makeLines } from '../../../tools/fixtures/tokenizers/lines.ts'
import { tokenizerFromGguf } from './gguf/from-gguf.ts'

const folder = join(import.meta.dirname, '../../../.cache/models/smollm2-135m-instruct')
const file = existsSync(folder) ? readdirSync(folder).find((name) => name.endsWith('.gguf')) : undefined

describe('the tokenizer of SmolLM2-135M-Instruct', () => {
  it.skipIf(!file)(
    'gives the ids of PyPI tokenizers and llama.cpp on 10,000 lines (skipped before npm run fetch:smollm2)',
    () => {
      const tokenizer = tokenizerFromGguf(readGgufMetadata(join(folder, file as string)))
      const expected: string[] = JSON.parse(
        readFileSync(join(import.meta.dirname, '../../../tools/fixtures/tokenizers/smollm2.hashes.json'), 'utf8'),
      )
      const lines = makeLines()
      const ids = lines.map((line) => [...tokenizer.encode(line)])
      const hashes = expected.map((_, block) =>
        createHash('sha256')
          .update(JSON.stringify(ids.slice(block * 100, block * 100 + 100)))
          .digest('hex')
          .slice(0, 16),
      )
      expect(lines).toHaveLength(10_000)
      expect(hashes).toEqual(expected)
      lines.forEach((line, index) => {
        expect(tokenizer.decode(ids[index] as number[])).toBe(line)
      })
    },
  )
})
