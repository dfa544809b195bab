import fc from 'fast-check'
import type { Token } from 'marked'
import { describe, expect, it } from 'vitest'
import { readMarkdown, safeAddress, withoutReferences } from './read.ts'

function formulas(tokens: readonly Token[]): string[] {
  return tokens.flatMap((token) => {
    if (token.type === 'math') return [`${token.display ? 'block' : 'inline'}: ${token.text}`]
    return 'tokens' in token && token.tokens ? formulas(token.tokens) : []
  })
}

describe('Markdown of a model', () => {
  it('knows formulas in all four ways of writing them', () => {
    const text = 'So $a^2$ and \\(b_1\\).\n\n$$\n\\frac{1}{2}\n$$\n\n\\[ x = 1 \\]\n\nin $$y$$ a line'
    expect(formulas(readMarkdown(text))).toEqual([
      'inline: a^2',
      'inline: b_1',
      'block: \\frac{1}{2}',
      'block: x = 1',
      'block: y',
    ])
  })

  it('leaves prices and shell variables alone', () => {
    expect(formulas(readMarkdown('It costs $5 or $6, not $ 7 $; `$HOME` and a lone $ sign.'))).toEqual([])
  })

  it('loses no letter of any text, however broken', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('$', '\\', '(', '[', '*', '`', '<', 'a', '\n', ' ') }), (text) => {
        const letters = (written: string) => written.replace(/\s/g, '')
        const raws = readMarkdown(text).map(({ raw }) => raw)
        expect(letters(raws.join(''))).toBe(letters(text))
      }),
    )
  })

  it('follows links to the web and to mailboxes, and no others', () => {
    expect(safeAddress('https://example.org/a?b=1&amp;c=2')).toBe('https://example.org/a?b=1&c=2')
    expect(safeAddress('mailto:someone@example.org')).toBe('mailto:someone@example.org')
    for (const address of [
      'javascript:alert(1)',
      ' JaVaScRiPt:alert(1)',
      'java\tscript:alert(1)',
      'javascript&#58;alert(1)',
      '&#x6a;avascript:alert(1)',
      'data:text/html,<script>alert(1)</script>',
      'vbscript:msgbox',
      'file:///etc/passwd',
      '/api/keys',
      '//example.org',
    ])
      expect(safeAddress(address), address).toBeUndefined()
  })

  it('resolves the common character references only', () => {
    expect(withoutReferences('&lt;b&gt; &amp;lt; &#65;&#x42; &nope; &#xd800; &#0;')).toBe(
      '<b> &lt; AB &nope; &#xd800; &#0;',
    )
  })
})
