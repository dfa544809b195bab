import { describe, expect, it } from 'vitest'
import { longestDraft, PromptLookup } from './lookup.ts'

describe('prompt lookup', () => {
  it('drafts what followed the same tokens last, three of them rather than two', () => {
    const lookup = new PromptLookup()
    expect(lookup.draft([1, 2, 3, 4, 5, 6, 1, 2, 3], 10)).toEqual([4, 5, 6])
    expect(new PromptLookup().draft([9, 2, 3, 4, 5, 6, 1, 2, 3], 10)).toEqual([4, 5])
    expect(new PromptLookup().draft([2, 3, 7, 7, 7, 1, 2, 3, 4, 5, 6, 1, 2, 3], 10)).toEqual([4, 5, 6])
    expect(new PromptLookup().draft([1, 2, 3, 4], 10)).toEqual([])
    expect(new PromptLookup().draft([1], 10)).toEqual([])
    expect(new PromptLookup().draft([1, 2, 3, 4, 5, 6, 1, 2, 3], 2)).toEqual([4, 5])
  })

  it('drafts more while its drafts are right, and less again after a wrong one', () => {
    const lookup = new PromptLookup()
    const tokens = [...Array(60).keys(), 0, 1, 2]
    const lengths = Array.from({ length: 5 }, () => {
      const { length } = lookup.draft(tokens, 100)
      lookup.learn(length, length)
      return length
    })
    expect(lengths).toEqual([3, 6, 12, longestDraft, longestDraft])
    lookup.learn(longestDraft, 4)
    expect(lookup.draft(tokens, 100)).toHaveLength(3)
  })

  it('knows tokens that came after it was first asked', () => {
    const lookup = new PromptLookup()
    const tokens = [1, 2, 3, 4]
    lookup.draft(tokens, 10)
    tokens.push(5, 6, 3, 4)
    expect(lookup.draft(tokens, 10)).toEqual([5, 6])
  })
})
