import { toRegExp } from 'oniguruma-to-es'
import { R1Error } from '../../errors.ts'
import { badTokenizer, type Fields } from './fields.ts'
import { timeLimit } from './time-limit.ts'

/** The White_Space of Unicode, which is what `\s` means to the reference (JavaScript's own adds U+FEFF, lacks U+0085). */
export const whiteSpace = '\\p{White_Space}'

/** The longest patterns of published tokenizers have some 1,500 characters. */
const longest = 20_000

/**
 * Compiles a pattern written for Oniguruma, the reference's engine, to a global JavaScript one.
 *
 * @throws R1Error `bad-tokenizer` for one that has no equivalent, or is too large
 */
export function compileOniguruma(source: string, where: string): RegExp {
  if (source.length > longest) throw badTokenizer(`${where} has a pattern of ${source.length} characters`)
  try {
    return timeLimit()(source.length, () => {
      const pattern = toRegExp(spellWordCharacters(source), { global: true })
      // The engine compiles at the first use.
      pattern.test('')
      pattern.lastIndex = 0
      return pattern
    })
  } catch (cause) {
    if (R1Error.isInstance(cause)) throw cause
    throw badTokenizer(`${where} has a pattern that cannot be used here: ${source.slice(0, 80)}`, cause)
  }
}

const wordCharacters = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}'
const latinFractions = '\\u00b2\\u00b3\\u00b9\\u00bc-\\u00be'

/**
 * Spells `\w` out as the reference's build of Oniguruma takes it: letters, marks, decimal digits, connectors, and, outside
 * of a class, the superscripts and fractions of Latin-1.
 */
function spellWordCharacters(source: string): string {
  let depth = 0
  return source.replace(/\\([\s\S])|\[|\]/g, (text, escaped: string | undefined) => {
    if (text === '[') depth++
    else if (text === ']') depth = Math.max(0, depth - 1)
    else if (escaped === 'w') return depth > 0 ? wordCharacters : `[${wordCharacters}${latinFractions}]`
    else if (escaped === 'W' && depth === 0) return `[^${wordCharacters}${latinFractions}]`
    return text
  })
}

/** Reads `{"String": …}`, `{"Regex": …}` or a bare string under `key`. */
export function readPattern(fields: Fields, key: string): RegExp {
  const where = `${fields.where}.${key}`
  if (typeof fields.value(key) === 'string') return literalPattern(fields.string(key))
  const pattern = fields.object(key)
  return pattern.has('Regex')
    ? compileOniguruma(pattern.string('Regex'), where)
    : literalPattern(pattern.string('String'))
}

export function literalPattern(text: string): RegExp {
  return new RegExp(escapePattern(text), 'gu')
}

export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
