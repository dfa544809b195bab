import { spellBytes } from './byte-alphabet.ts'
import { badTokenizer, type Fields } from './fields.ts'
import { compileOniguruma, literalPattern, readPattern, whiteSpace } from './pattern.ts'
import { type SplitBehavior, splitByPattern } from './split.ts'

/** Cuts a stretch of text into the pieces that the model encodes one by one. `atStart`: it begins the whole text. */
export type PreTokenizer = (text: string, atStart: boolean) => string[]

/** GPT-2's pattern (Radford et al. 2019): contractions, words, numbers, the rest, white space. */
export const gpt2Pattern = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

const asciiPunctuation = '!-\\/:-@\\[-`\\{-~'
const deepest = 16

/** Builds the `pre_tokenizer` of a tokenizer.json. */
export function buildPreTokenizer(fields: Fields, depth = 0): PreTokenizer {
  if (depth > deepest) throw badTokenizer(`${fields.where} is nested too deeply`)
  const type = fields.string('type')
  switch (type) {
    case 'Sequence':
      return sequence(fields.objects('pretokenizers').map((step) => buildPreTokenizer(step, depth + 1)))
    case 'ByteLevel':
      return sequence([byteLevelSplit(fields), (text) => [spellBytes(text)]])
    case 'Split': {
      const pattern = readPattern(fields, 'pattern')
      const behavior = readBehavior(fields)
      const invert = fields.boolean('invert', false)
      return (text) => splitByPattern(text, pattern, behavior, invert)
    }
    case 'Digits':
      return splitting('\\p{N}', fields.boolean('individual_digits', false) ? 'Isolated' : 'Contiguous')
    case 'Punctuation':
      return splitting(`[\\p{P}${asciiPunctuation}]`, readBehavior(fields))
    case 'BertPreTokenizer':
      return sequence([splitting(whiteSpace, 'Removed'), splitting(`[\\p{P}${asciiPunctuation}]`, 'Isolated')])
    case 'Whitespace': {
      const word = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}'
      return splitting(`[${word}]+|[^${word}${whiteSpace}]+`, 'Removed', true)
    }
    case 'WhitespaceSplit':
      return splitting(whiteSpace, 'Removed')
    case 'CharDelimiterSplit': {
      const delimiter = literalPattern(fields.string('delimiter'))
      return (text) => splitByPattern(text, delimiter, 'Removed')
    }
    case 'Metaspace':
      return metaspace(fields)
    case 'FixedLength':
      return fixedLength(fields.number('length', 5))
    default:
      throw badTokenizer(`${fields.where} has the unknown type ${JSON.stringify(type)}`)
  }
}

/** The cutting half of `ByteLevel`; the other half spells the pieces' bytes. */
export function byteLevelSplit(fields: Fields): PreTokenizer {
  const prefixes = fields.boolean('add_prefix_space', true)
  const pattern = fields.boolean('use_regex', true) ? compileOniguruma(gpt2Pattern, fields.where) : undefined
  return (text) => {
    const prefixed = prefixes && !text.startsWith(' ') ? ` ${text}` : text
    return pattern ? splitByPattern(prefixed, pattern, 'Isolated') : [prefixed]
  }
}

/** Runs one cut after the other, each on the pieces of the one before. */
export function sequence(steps: readonly PreTokenizer[]): PreTokenizer {
  const [first, ...rest] = steps
  if (first === undefined) return (text) => [text]
  if (rest.length === 0) return first
  return (text, atStart) => {
    let pieces = first(text, atStart)
    for (const step of rest) {
      const finer: string[] = []
      for (let i = 0; i < pieces.length; i++) {
        for (const piece of step(pieces[i] as string, atStart && i === 0)) finer.push(piece)
      }
      pieces = finer
    }
    return pieces
  }
}

function splitting(source: string, behavior: SplitBehavior, invert = false): PreTokenizer {
  const pattern = new RegExp(source, 'gu')
  return (text) => splitByPattern(text, pattern, behavior, invert)
}

const behaviors: readonly string[] = ['Removed', 'Isolated', 'Contiguous', 'MergedWithPrevious', 'MergedWithNext']

function readBehavior(fields: Fields): SplitBehavior {
  const behavior = fields.string('behavior', 'Isolated')
  if (behaviors.includes(behavior)) return behavior as SplitBehavior
  throw badTokenizer(`${fields.where}.behavior is ${JSON.stringify(behavior)}, not one of ${behaviors.join(', ')}`)
}

/** SentencePiece's way: blanks become `▁`, one is put in front, and pieces begin at it. */
function metaspace(fields: Fields): PreTokenizer {
  const blank = fields.string('replacement', '▁')
  // Files from before `prepend_scheme` said it by `add_prefix_space`.
  const scheme = fields.string('prepend_scheme', fields.boolean('add_prefix_space', true) ? 'always' : 'never')
  const splits = fields.boolean('split', true)
  const pattern = literalPattern(blank)
  return (text, atStart) => {
    let marked = text.replaceAll(' ', blank)
    const prefixes = scheme === 'always' || (scheme === 'first' && atStart)
    if (prefixes && !marked.startsWith(blank)) marked = blank + marked
    return splits ? splitByPattern(marked, pattern, 'MergedWithNext') : [marked]
  }
}

function fixedLength(length: number): PreTokenizer {
  if (!Number.isInteger(length) || length < 1) throw badTokenizer('FixedLength needs a length of at least 1')
  return (text) => {
    const characters = Array.from(text)
    const pieces: string[] = []
    for (let i = 0; i < characters.length; i += length) pieces.push(characters.slice(i, i + length).join(''))
    return pieces
  }
}
