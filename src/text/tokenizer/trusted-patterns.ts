import { familyPatterns } from './gguf/patterns.ts'
import { defaultPattern } from './train/default-pattern.ts'

const contractions = "'s|'t|'re|'ve|'m|'ll|'d"
const rest = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'

/** Patterns of published tokenizer.json files, as they are spelt there: linear on every text. */
const trusted: ReadonlySet<unknown> = new Set([
  ...familyPatterns(),
  defaultPattern,
  `(?i:${contractions})|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|${rest}`,
  '[!\\"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
  `<\\|startoftext\\|>|<\\|endoftext\\|>|${contractions}|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+`,
  '\\s+',
  ' {2,}',
])

const deepest = 64

/** True where some part of a tokenizer.json brings a regular expression that is not known to be fast. */
export function hasForeignPattern(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return false
  // What is nested deeper than any reader goes is as good as foreign.
  if (depth > deepest) return true
  return Object.entries(value).some(
    ([key, inner]) => (key === 'Regex' && !trusted.has(inner)) || hasForeignPattern(inner, depth + 1),
  )
}
