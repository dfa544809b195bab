import { describe, expect, it } from 'vitest'
import { tokensOf } from './tokens.ts'

const tokens = (...texts: string[]) => texts.map((text) => ({ text, probability: 1 }))
const textsOf = (found: readonly { text: string }[]) => found.map(({ text }) => text)

describe('tokens of a text', () => {
  it('leave out the marks around it', () => {
    const thought = tokens('<think>', '\n', '2', '*', '3', '=6')
    expect(textsOf(tokensOf('\n2*3=6', thought))).toEqual(['2', '*', '3', '=6'])
    const answer = tokens('\n', '</think>', '\n', '6', ' is', ' it.')
    expect(textsOf(tokensOf('6 is it.', answer))).toEqual(['6', ' is', ' it.'])
  })

  it('are whole also where a mark and the text share one', () => {
    expect(textsOf(tokensOf('so', tokens('</think>\ns', 'o')))).toEqual(['</think>\ns', 'o'])
  })

  it('are all of them where the text is another one', () => {
    // Bytes that are no whole letter come out as replacement characters in the tokens alone.
    expect(tokensOf('\u4f60', tokens('\ufffd', '\ufffd'))).toHaveLength(2)
    expect(tokensOf('', tokens('</think>'))).toHaveLength(1)
  })
})
