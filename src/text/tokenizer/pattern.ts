import { toRegExp } from 'oniguruma-to-es'
import { badTokenizer, type Fields } from './fields.ts'

/** The White_Space of Unicode, which is what `\s` means to the reference (JavaScript's own adds U+FEFF, lacks U+0085). */
export const whiteSpace = '\\p{White_Space}'

/**
 * Compiles a pattern written for Oniguruma, the reference's engine, to a global JavaScript one.
 *
 * @throws R1Error `bad-tokenizer` for one that has no equivalent
 */
export function compileOniguruma(source: string, where: string): RegExp {
  try {
    return toRegExp(source, { global: true })
  } catch (cause) {
    throw badTokenizer(`${where} has a pattern that cannot be used here: ${source.slice(0, 80)}`, cause)
  }
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
