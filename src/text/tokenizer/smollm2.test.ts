import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readGgufMetadata } from '../../../tools/fixtures/tokenizers/gguf-header.ts'
import { makeLines } from '../../../tools/fixtures/tokenizers/lines.ts'
import { ChatTemplate } from '../template/chat-template.ts'
import { chooseChatTemplate } from '../template/source.ts'
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

  it.skipIf(!file)(
    'renders its chat template as transformers does (skipped before npm run fetch:smollm2)',
    async () => {
      const metadata = readGgufMetadata(join(folder, file as string))
      const source = chooseChatTemplate({ gguf: metadata }) as string
      const chat = new ChatTemplate(source, { limits: { milliseconds: 20_000 } })
      const input = { messages: [{ role: 'user', content: 'hi <|im_end|> 价格' }] }
      const { ids, text } = await chat.renderToTokens(tokenizerFromGguf(metadata), input)
      expect(text).toBe(
        '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' +
          '<|im_start|>user\nhi <|im_end|> 价格<|im_end|>\n<|im_start|>assistant\n',
      )
      // <|im_start|> is 1 and <|im_end|> 2; the one in the message stays text.
      expect([...ids].filter((id) => id < 17)).toEqual([1, 2, 1, 2, 1])
    },
  )
})
