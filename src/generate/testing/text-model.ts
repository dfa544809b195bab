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

/** A tokenizer of single letters, with an end of text and the marks of a thought, for the tiny models' 160 tokens. */
export function letterTokenizer(): Tokenizer {
  return tokenizerFromJson(
    {
      added_tokens: [added('<eos>', 96, true), added('<think>', 97, false), added('</think>', 98, false)],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: { type: 'Fuse' },
      model: { type: 'BPE', vocab: Object.fromEntries(letters.map((letter, id) => [letter, id])), merges: [] },
    },
    { eos_token: '<eos>' },
  )
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
