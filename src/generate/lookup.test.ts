import { describe, expect, it } from 'vitest'
import { longestDraft, PromptLookup } from './lookup.ts'

/** What follows, as far as the tokens given out so far agree with a text that is known. */
function drafted(tokens: readonly number[], most = 100): number[] {
  return new PromptLookup().draft(tokens, most)
}

describe('prompt lookup', () => {
  it('drafts what followed the longest match', () => {
    expect(drafted([1, 2, 3, 4, 5, 6, 1, 2, 3]).slice(0, 3)).toEqual([4, 5, 6])
    expect(drafted([1, 2, 3, 4, 9, 7, 2, 3, 5, 8, 1, 2, 3]).slice(0, 2)).toEqual([4, 9])
    expect(drafted([1, 2, 3, 4, 5, 6, 1, 2, 3], 2)).toEqual([4, 5])
    expect(drafted([1, 2, 3, 4])).toEqual([])
    expect(drafted([1])).toEqual([])
  })

  it('drafts what followed most often, of equals the latest', () => {
    expect(drafted([7, 1, 8, 1, 7, 2, 7, 1, 3, 7])[0]).toBe(1)
    expect(drafted([5, 1, 9, 5, 2, 8, 5])[0]).toBe(2)
  })

  it('goes on with its own draft where a text repeats itself', () => {
    expect(drafted([1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3], 7)).toEqual([1, 2, 3, 1, 2, 3, 1])
  })

  it('drafts more while its drafts are right, and less where they were wrong', () => {
    const tokens = [...Array(100).keys(), 0, 1, 2]
    const lengthAfter = (right: boolean) => {
      const lookup = new PromptLookup()
      for (let round = 0; round < 6; round++) {
        const { length } = lookup.draft(tokens, 100)
        lookup.learn(length, right ? length : 0)
      }
      return lookup.draft(tokens, 100).length
    }
    const first = drafted(tokens).length
    expect(lengthAfter(true)).toBe(longestDraft)
    expect(lengthAfter(false)).toBeLessThan(first)
    expect(first).toBeLessThan(longestDraft)
  })

  it('drafts less where many texts share a step', () => {
    const tokens = [...Array(60).keys(), 0, 1, 2]
    expect(new PromptLookup().draft(tokens, 100, 16).length).toBeLessThan(drafted(tokens).length)
  })

  it('knows tokens that came after it was first asked', () => {
    const lookup = new PromptLookup()
    const tokens = [1, 2, 3, 4]
    lookup.draft(tokens, 10)
    tokens.push(5, 6, 3, 4)
    expect(lookup.draft(tokens, 10)[0]).toBe(5)
  })
})
