import { Marked, type Token } from 'marked'
import { blockMathematics, inlineMathematics } from './mathematics.ts'

const marked = new Marked({ gfm: true })
marked.use({ extensions: [blockMathematics] }, { extensions: [inlineMathematics] })

/** Markdown as tokens; elements are made of them in `markdown.tsx`, HTML never. */
export function readMarkdown(text: string): readonly Token[] {
  return marked.lexer(text)
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' }

/** Text with HTML's commonest character references replaced; others stay as they are written. */
export function withoutReferences(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]+));/gi, (whole, decimal, hexadecimal, name) => {
    if (name) return named[name] ?? whole
    const code = decimal ? Number.parseInt(decimal, 10) : Number.parseInt(hexadecimal, 16)
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : whole
  })
}

/** The address of a link, where it leads to a web page or a mailbox; scripts and data lead nowhere. */
export function safeAddress(address: string): string | undefined {
  try {
    const { protocol, href } = new URL(withoutReferences(address))
    return ['http:', 'https:', 'mailto:'].includes(protocol) ? href : undefined
  } catch {
    return undefined
  }
}
