import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stretchesOf } from './stretches.ts'

const lines = fc.array(fc.string({ maxLength: 1500 }), { maxLength: 12 })

describe('stretches of a text', () => {
  it('are the text again where they are joined, whatever markup it looks like', () => {
    fc.assert(
      fc.property(lines, (all) => {
        expect(stretchesOf(all.join('\n')).join('\n')).toBe(all.join('\n'))
      }),
    )
    expect(stretchesOf('16*10>\n\n*3* `a`\n')).toEqual(['16*10>\n\n*3* `a`\n'])
  })

  it('stay as they are when the text grows, but for the last', () => {
    fc.assert(
      fc.property(lines, fc.nat(), (all, cut) => {
        const text = all.join('\n')
        const before = stretchesOf(text.slice(0, cut % (text.length + 1))).slice(0, -1)
        expect(stretchesOf(text).slice(0, before.length)).toEqual(before)
      }),
    )
    expect(stretchesOf(`${'a'.repeat(5000)}\n`.repeat(3))).toHaveLength(4)
  })
})
