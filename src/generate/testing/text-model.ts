import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ChatTemplate, type Tokenizer, tokenizerFromJson } from '../../text/index.ts'
import type { TextModel } from '../text/text-model.ts'
import { loadTiny } from './engine.ts'

const letters = [...Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)), '\n']

const added = (content: string, id: number, special: boolean) => ({
  id,
  content,
  special,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
})

/** tokenizer.json of a tokenizer of single letters, with an end of text and the marks of a thought, for the tiny models. */
const tokenizerJson = {
  added_tokens: [added('<eos>', 96, true), added('<think>', 97, false), added('</think>', 98, false)],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: { type: 'Fuse' },
  model: { type: 'BPE', vocab: Object.fromEntries(letters.map((letter, id) => [letter, id])), merges: [] },
}
const tokenizerConfig = { eos_token: '<eos>' }

export function letterTokenizer(): Tokenizer {
  return tokenizerFromJson(tokenizerJson, tokenizerConfig)
}

const template = `{% for message in messages %}{{ message.role }}:{{ message.content }}\n{% endfor %}{% if thinking %}<think>{% endif %}`

/** A tiny model of random weights that reads and writes letters. */
export async function tinyTextModel(name?: string): Promise<TextModel> {
  return {
    ...(await loadTiny(name)),
    path: 'tiny',
    tokenizer: letterTokenizer(),
    template: new ChatTemplate(template),
    stopIds: new Set([96]),
    sampling: {},
  }
}

/** Writes a folder with a tiny model that reads and writes letters. */
export async function writeTinyCheckpoint(folder: string): Promise<void> {
  const fixture = fileURLToPath(new URL('../../models/fixtures/llama-tied/', import.meta.url))
  await mkdir(folder, { recursive: true })
  for (const name of ['config.json', 'model.safetensors']) await copyFile(join(fixture, name), join(folder, name))
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizerJson))
  await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(tokenizerConfig))
  await writeFile(join(folder, 'chat_template.jinja'), template)
}
