/** How a text is split for BLEU: `13a` for languages with spaces, `zh` for Chinese. */
export type BleuTokenizer = '13a' | 'zh'

/** What Python's `str.split` takes for white space. */
const pythonSpace = '[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'
const spaces = new RegExp(`${pythonSpace}+`, 'u')
const spacesAtEnd = new RegExp(`${pythonSpace}+$`, 'u')

/**
 * Characters that `zh` sets apart. sacrebleu writes the ranges beyond the first plane as `\u20000`, which Python reads as
 * U+2000 and "0": so general punctuation to U+2A6D is set apart, and the rare characters are not. Equal scores need the
 * same ranges.
 */
const chinese =
  /[\u2001-\u2a6d\u2e80-\u2eff\u2f00-\u2fdf\u2ff0-\u2fff\u3000-\u303f\u3100-\u312f\u31a0-\u31bf\u31c0-\u31ef\u3200-\u33ff\u3400-\u4db5\u4e00-\u9fbb\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9\ufe10-\ufe1f\ufe30-\ufe4f\uff00-\uffef]/gu

/** The tokens of a text as sacrebleu's tokenizers of these names give them (mteval-v13a; Huang's for Chinese). */
export function bleuTokens(text: string, tokenizer: BleuTokenizer): string[] {
  const trimmed = text.replace(spacesAtEnd, '')
  return tokenizer === 'zh' ? splitWestern(trimmed.replace(chinese, ' $& ')) : splitWestern(` ${plainLine(trimmed)} `)
}

function plainLine(text: string): string {
  return text
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
}

function splitWestern(line: string): string[] {
  return line
    .replace(/[{-~[-` -&(-+:-@/]/gu, ' $& ')
    .replace(/([^0-9])([.,])/gu, '$1 $2 ')
    .replace(/([.,])([^0-9])/gu, ' $1 $2')
    .replace(/([0-9])(-)/gu, '$1 $2 ')
    .split(spaces)
    .filter((token) => token !== '')
}
