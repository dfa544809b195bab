import { R1Error } from '../../errors.ts'
import { isRecord } from '../json.ts'

/**
 * llama.cpp knows ways to cut text before byte-pair merging by name only. Each is told by the parts of tokenizer.json's
 * `pre_tokenizer`: a regular expression, or the name of a part that needs none.
 */
const contractions = "'s|'t|'re|'ve|'m|'ll|'d"
const words = '[^\\r\\n\\p{L}\\p{N}]?\\p{L}+'
const rest = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'

const known: readonly (readonly [name: string, parts: readonly string[]])[] = [
  ['gpt-2', ['ByteLevel+regex']],
  ['smollm', ['Digits', 'ByteLevel+regex']],
  ['llama-bpe', [`(?i:${contractions})|${words}|\\p{N}{1,3}|${rest}`, 'ByteLevel']],
  ['qwen2', [`(?i:${contractions})|${words}|\\p{N}|${rest}`, 'ByteLevel']],
  [
    'deepseek-v3',
    [
      '\\p{N}{1,3}',
      '[一-龥\u3040-ゟ゠-ヿ]+',
      '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
      'ByteLevel',
    ],
  ],
]

function partOf(value: unknown): string {
  if (!isRecord(value)) return '?'
  const pattern = isRecord(value.pattern) ? (value.pattern.Regex ?? value.pattern.String) : undefined
  // Some tools escape the quotation mark, which changes nothing.
  if (value.type === 'Split') return String(pattern).replaceAll('\\"', '"')
  if (value.type === 'ByteLevel') return value.use_regex === false ? 'ByteLevel' : 'ByteLevel+regex'
  if (value.type === 'Digits') return value.individual_digits === true ? 'Digits' : 'Digits together'
  return String(value.type)
}

/**
 * llama.cpp's name for a tokenizer.json's `pre_tokenizer`.
 *
 * @throws R1Error 'unsupported-checkpoint' where llama.cpp knows none that cuts alike
 */
export function preTokenizerName(preTokenizer: unknown): string {
  const isSequence = isRecord(preTokenizer) && preTokenizer.type === 'Sequence'
  const list = isSequence && Array.isArray(preTokenizer.pretokenizers) ? preTokenizer.pretokenizers : [preTokenizer]
  const parts = list.map(partOf)
  const found = known.find(
    ([, wanted]) => wanted.length === parts.length && wanted.every((part, i) => part === parts[i]),
  )
  if (found) return found[0]
  throw new R1Error(
    'unsupported-checkpoint',
    `llama.cpp has no pre-tokenizer like this one: ${parts.join(', ').slice(0, 200)}.`,
    {
      remedy: 'Export as safetensors.',
    },
  )
}

/** Names that stand for the same way to cut. */
const sameAs: Readonly<Record<string, string>> = {
  llama3: 'llama-bpe',
  'llama-v3': 'llama-bpe',
  'deepseek-r1-qwen': 'qwen2',
}

function stepOf(part: string): Record<string, unknown> {
  if (part.startsWith('ByteLevel')) {
    return { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: part === 'ByteLevel+regex' }
  }
  if (part === 'Digits') return { type: 'Digits', individual_digits: true }
  return { type: 'Split', pattern: { Regex: part }, behavior: 'Isolated', invert: false }
}

/** The `pre_tokenizer` of tokenizer.json for one of llama.cpp's names, or undefined for one that is not known here. */
export function preTokenizerOfName(name: string): Record<string, unknown> | undefined {
  const wanted = Object.hasOwn(sameAs, name) ? sameAs[name] : name
  const parts = known.find(([candidate]) => candidate === wanted)?.[1]
  return parts && { type: 'Sequence', pretokenizers: parts.map(stepOf) }
}
