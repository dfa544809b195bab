import type { TokenizerAndRendererExtension, Tokens } from 'marked'

/** A formula between dollars or backslashed brackets. */
export interface MathToken extends Tokens.Generic {
  type: 'math'
  /** TeX. */
  text: string
  /** On a line of its own. */
  display: boolean
}

const patterns: readonly { readonly pattern: RegExp; readonly display: boolean }[] = [
  { pattern: /^\$\$([\s\S]+?)\$\$/, display: true },
  { pattern: /^\\\[([\s\S]+?)\\\]/, display: true },
  { pattern: /^\\\(([\s\S]+?)\\\)/, display: false },
  // As in Pandoc: no space inside the dollars, no digit behind them, so that prices stay prices; nor letters or code,
  // so that shell variables stay what they are.
  { pattern: /^\$(?!\s)((?:\\.|[^\\$`\n])+?)(?<!\s)\$(?![\da-z])/i, display: false },
]

function mathAt(source: string, only?: { display: boolean }): MathToken | undefined {
  for (const { pattern, display } of patterns) {
    if (only && only.display !== display) continue
    const match = pattern.exec(source)
    const text = match?.[1]?.trim()
    if (match && text) return { type: 'math', raw: match[0], text, display }
  }
  return undefined
}

/** Formulas at the beginning of a line, which may span lines. */
export const blockMathematics: TokenizerAndRendererExtension = {
  name: 'math',
  level: 'block',
  start: (source) => /(?:^|\n)(?:\$\$|\\\[)/.exec(source)?.index,
  tokenizer(source) {
    const token = mathAt(source, { display: true })
    if (!token) return undefined
    // Words behind the formula: it belongs to a line of text.
    const rest = source.slice(token.raw.length)
    return /^[ \t]*(?:\n|$)/.test(rest) ? token : undefined
  },
}

/** Formulas inside a line. */
export const inlineMathematics: TokenizerAndRendererExtension = {
  name: 'math',
  level: 'inline',
  start: (source) => /\$|\\[([]/.exec(source)?.index,
  tokenizer: (source) => mathAt(source),
}
