import { bertNormalizer } from './bert-normalizer.ts'
import { spellBytes } from './byte-alphabet.ts'
import { badTokenizer, type Fields } from './fields.ts'
import { lowercase } from './lowercase.ts'
import { readPattern, whiteSpace } from './pattern.ts'
import { precompiledNormalizer, readCharacterMap } from './precompiled.ts'

/** Rewrites text before it is cut into pieces. */
export type Normalizer = (text: string) => string

const deepest = 16

/** Builds the `normalizer` of a tokenizer.json. */
export function buildNormalizer(fields: Fields, depth = 0): Normalizer {
  if (depth > deepest) throw badTokenizer(`${fields.where} is nested too deeply`)
  const type = fields.string('type')
  switch (type) {
    case 'Sequence': {
      const steps = fields.objects('normalizers').map((step) => buildNormalizer(step, depth + 1))
      return (text) => steps.reduce((rewritten, step) => step(rewritten), text)
    }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return (text) => text.normalize(type)
    case 'Lowercase':
      return lowercase
    case 'StripAccents':
      return (text) => text.replace(/\p{M}/gu, '')
    case 'Strip':
      return strip(fields.boolean('strip_left', false), fields.boolean('strip_right', false))
    case 'Replace': {
      const pattern = readPattern(fields, 'pattern')
      const content = fields.string('content')
      return (text) => text.replace(pattern, () => content)
    }
    case 'Prepend': {
      const prefix = fields.string('prepend')
      return (text) => (text === '' ? '' : prefix + text)
    }
    case 'BertNormalizer':
      return bertNormalizer({
        cleanText: fields.boolean('clean_text', true),
        handleChineseCharacters: fields.boolean('handle_chinese_chars', true),
        stripAccents: fields.has('strip_accents') ? fields.boolean('strip_accents') : undefined,
        lowercase: fields.boolean('lowercase', true),
      })
    case 'Nmt':
      return nmt
    case 'ByteLevel':
      return spellBytes
    case 'Precompiled':
      if (!fields.has('precompiled_charsmap')) return (text) => text
      return precompiledNormalizer(readCharacterMap(fields.string('precompiled_charsmap'), fields.where))
    default:
      throw badTokenizer(`${fields.where} has the unknown type ${JSON.stringify(type)}`)
  }
}

function strip(left: boolean, right: boolean): Normalizer {
  const start = new RegExp(`^${whiteSpace}+`, 'u')
  return (text) => {
    const rest = left ? text.replace(start, '') : text
    return right ? trimWhiteSpaceEnd(rest) : rest
  }
}

const oneWhiteSpace = new RegExp(whiteSpace, 'u')

/** Cuts white space off the end, one character at a time: a `\s+$` would cost the square of a long blank run. */
export function trimWhiteSpaceEnd(text: string): string {
  let end = text.length
  while (end > 0 && oneWhiteSpace.test(text[end - 1] as string)) end--
  return text.slice(0, end)
}

function nmt(text: string): string {
  let out = ''
  for (const character of text) {
    const code = character.codePointAt(0) as number
    if (nmtBlank.test(character)) out += ' '
    else if (!isNmtControl(code)) out += character
  }
  return out
}

const nmtBlank = /^[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]$/u

function isNmtControl(code: number): boolean {
  if (code === 0x7f || code === 0x8f || code === 0x9f || code === 0x0b) return true
  return (code >= 0x01 && code <= 0x08) || (code >= 0x0e && code <= 0x1f)
}
