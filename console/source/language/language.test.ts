import { describe, expect, it } from 'vitest'
import { en } from './en.ts'
import { zh } from './zh.ts'

function keysOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path]
  return Object.entries(value).flatMap(([name, inner]) => keysOf(inner, `${path}/${name}`))
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value === 'function') return [String(value('甲', '乙'))]
  return Object.values(value as object).flatMap(textsOf)
}

describe('the dictionary', () => {
  it('has every text in both languages', () => {
    expect(keysOf(zh).sort()).toEqual(keysOf(en).sort())
    expect(textsOf(zh).filter((text) => text.trim() === '')).toEqual([])
    expect(zh.examples).toHaveLength(en.examples.length)
  })

  it('leaves nothing English in Chinese but names of the field', () => {
    const names = /^(Top-p|Top-k|Min-p|–)$/
    expect(textsOf(zh).filter((text) => !/\p{Script=Han}/u.test(text) && !names.test(text))).toEqual([])
  })
})
