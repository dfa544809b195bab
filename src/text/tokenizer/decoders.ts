import { byteOfToken, readBytes } from './byte-alphabet.ts'
import { badTokenizer, type Fields } from './fields.ts'
import { readPattern } from './pattern.ts'
import { withoutLimit } from './time-limit.ts'

/**
 * One step from tokens to text. What it gives out joined is the same for any grouping of its input, so that streaming and
 * decoding at once are one code.
 */
export interface DecoderStep {
  push(tokens: readonly string[]): readonly string[]
  /** Gives out what was held back and returns to the start. */
  flush(): readonly string[]
}

const deepest = 16

/**
 * Builds the `decoder` of a tokenizer.json as a fresh chain of steps.
 *
 * @param inTime limits what patterns take
 * @param fused the tokens of earlier steps are to be seen as one token that arrives in parts
 */
export function buildDecoder(fields: Fields, inTime = withoutLimit, fused = false, depth = 0): DecoderStep {
  if (depth > deepest) throw badTokenizer(`${fields.where} is nested too deeply`)
  const type = fields.string('type')
  switch (type) {
    case 'Sequence': {
      let isFused = fused
      const steps = fields.objects('decoders').map((step) => {
        const built = buildDecoder(step, inTime, isFused, depth + 1)
        isFused ||= step.string('type') === 'Fuse'
        return built
      })
      return chain(steps)
    }
    case 'Fuse':
      return stateless((token) => token)
    case 'ByteLevel':
      return byteLevel()
    case 'ByteFallback':
      return byteFallback()
    case 'WordPiece':
      return wordPiece(fields.string('prefix', '##'), fields.boolean('cleanup', true))
    case 'Metaspace':
      return metaspace(fields)
    case 'Replace': {
      const pattern = readPattern(fields, 'pattern')
      const content = fields.string('content')
      const replace = (text: string) => inTime(text.length, () => text.replace(pattern, () => content))
      return fused ? atEnd(replace) : stateless(replace)
    }
    case 'Strip': {
      const [content, start, stop] = [
        fields.string('content', ' '),
        fields.number('start', 0),
        fields.number('stop', 0),
      ]
      return fused ? stripWhole(content, start, stop) : stateless((token) => stripToken(token, content, start, stop))
    }
    case 'BPEDecoder':
      return wordEnds(fields.string('suffix', '</w>'))
    default:
      throw badTokenizer(`${fields.where} has the unknown type ${JSON.stringify(type)}`)
  }
}

/** What stands in where there is no decoder: tokens with blanks between them. */
export function spacedTokens(): DecoderStep {
  return fromFirst((token, first) => (first ? token : ` ${token}`))
}

function chain(steps: readonly DecoderStep[]): DecoderStep {
  const through = (tokens: readonly string[], from: number) =>
    steps.slice(from).reduce((current, step) => step.push(current), tokens)
  return {
    push: (tokens) => through(tokens, 0),
    flush: () => steps.flatMap((step, index) => through(step.flush(), index + 1)),
  }
}

function stateless(rewrite: (token: string) => string): DecoderStep {
  return { push: (tokens) => tokens.map(rewrite), flush: () => [] }
}

/** Rewrites each token, the first otherwise than the rest. */
function fromFirst(rewrite: (token: string, first: boolean) => string): DecoderStep {
  let first = true
  return {
    push: (tokens) =>
      tokens.map((token) => {
        const text = rewrite(token, first)
        first = false
        return text
      }),
    flush() {
      first = true
      return []
    },
  }
}

function atEnd(rewrite: (text: string) => string): DecoderStep {
  let held = ''
  return {
    push(tokens) {
      held += tokens.join('')
      return []
    },
    flush() {
      const text = rewrite(held)
      held = ''
      return [text]
    },
  }
}

/** Joins bytes to characters; an incomplete character waits for its end, a broken one becomes U+FFFD. */
function byteLevel(): DecoderStep {
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  return {
    push: (tokens) => [utf8.decode(Buffer.concat(tokens.map(readBytes)), { stream: true })],
    flush: () => [utf8.decode()],
  }
}

/** Joins runs of tokens `<0xE4>` to characters; bytes that make none become U+FFFD, and the run's others stay. */
function byteFallback(): DecoderStep {
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  let inRun = false
  return {
    push(tokens) {
      const out: string[] = []
      const give = (text: string) => text !== '' && out.push(text)
      for (const token of tokens) {
        const byte = byteOfToken(token)
        if (byte >= 0) give(utf8.decode(Uint8Array.of(byte), { stream: true }))
        else {
          if (inRun) give(utf8.decode())
          out.push(token)
        }
        inRun = byte >= 0
      }
      return out
    },
    flush() {
      inRun = false
      const text = utf8.decode()
      return text === '' ? [] : [text]
    },
  }
}

/** The blanks that English spelling does not put before marks and contractions. */
const cleanups: readonly [from: string, to: string][] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [' do not', " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
]

function wordPiece(prefix: string, cleanup: boolean): DecoderStep {
  return fromFirst((token, first) => {
    let text = token
    if (!first) text = token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`
    if (cleanup) for (const [from, to] of cleanups) text = text.replaceAll(from, to)
    return text
  })
}

function metaspace(fields: Fields): DecoderStep {
  const blank = fields.string('replacement', '▁')
  const scheme = fields.string('prepend_scheme', fields.boolean('add_prefix_space', true) ? 'always' : 'never')
  return fromFirst((token, first) => token.replaceAll(blank, first && scheme !== 'never' ? '' : ' '))
}

function stripToken(token: string, content: string, start: number, stop: number): string {
  let from = 0
  while (from < start && token.startsWith(content, from * content.length) && content !== '') from++
  let cut = 0
  const rest = token.slice(from * content.length)
  while (cut < stop && content !== '' && rest.endsWith(content, rest.length - cut * content.length)) cut++
  return rest.slice(0, rest.length - cut * content.length)
}

/** Strips the ends of one text that arrives in parts: the start at once, the end when it is known. */
function stripWhole(content: string, start: number, stop: number): DecoderStep {
  if (stop > 0) return atEnd((text) => stripToken(text, content, start, stop))
  let left = start
  const strip = (token: string): string => {
    let text = token
    while (left > 0 && text !== '') {
      if (!text.startsWith(content)) left = 0
      else {
        text = text.slice(content.length)
        left--
      }
    }
    return text
  }
  return {
    push: (tokens) => tokens.map(strip),
    flush() {
      left = start
      return []
    },
  }
}

/** Word ends spelt as `</w>`: a blank, but for the last. */
function wordEnds(suffix: string): DecoderStep {
  let held: string[] = []
  return {
    push(tokens) {
      const all = [...held, ...tokens]
      held = all.slice(-1)
      return all.slice(0, -1).map((token) => token.replaceAll(suffix, ' '))
    },
    flush() {
      const last = held.map((token) => token.replaceAll(suffix, ''))
      held = []
      return last
    },
  }
}
