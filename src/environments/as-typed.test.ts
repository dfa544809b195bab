import { describe, expect, it } from 'vitest'
import { asTyped } from './as-typed.ts'
import { loadEnvironment } from './load.ts'
import { uniforms } from './random.ts'

describe('asTyped', () => {
  it('types a question with full-width marks, with spaces, without its mark, and with other signs', () => {
    const random = uniforms(3)
    const typed = new Set(Array.from({ length: 400 }, () => asTyped('384 * 2等于多少?', random)))
    for (const text of ['384 * 2等于多少?', '384 * 2等于多少？', '384×2 是多少', '384*2 等于多少？'])
      expect(typed).toContain(text)
    const english = new Set(Array.from({ length: 400 }, () => asTyped('What is 3 - 12?', random)))
    for (const text of ['What is 3 - 12?', 'what is 3-12', 'What is 3-12?']) expect(english).toContain(text)
    expect([...english].join()).not.toContain('？')
  })

  it('keeps numbers, signs and unknowns as they are', () => {
    const random = uniforms(4)
    for (let tries = 0; tries < 300; tries++) {
      expect(asTyped('解方程-2x + 3 = -7。', random).replaceAll(' ', '').replace(/。$/, '')).toBe('解方程-2x+3=-7')
      expect(asTyped('Use 9, 4, 7 to make 29.', random).match(/\d+/g)).toEqual(['9', '4', '7', '29'])
    }
  })

  it('leaves the problems of an environment the same', async () => {
    const prompts = async (loose: boolean) => {
      const environment = await loadEnvironment('arithmetic', { options: { language: 'both', form: 'message', loose } })
      const found = []
      for await (const { prompt, key } of environment.examples('train', 7)) {
        found.push({ prompt: JSON.stringify(prompt), key })
        if (found.length === 50) break
      }
      return found
    }
    const [plain, loose] = [await prompts(false), await prompts(true)]
    expect(loose.map(({ key }) => key)).toEqual(plain.map(({ key }) => key))
    expect(loose.filter(({ prompt }, index) => prompt !== plain[index]?.prompt).length).toBeGreaterThan(15)
  })
})
