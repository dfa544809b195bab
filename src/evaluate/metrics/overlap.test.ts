import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exactMatch, tokenF1 } from './answers.ts'
import { type BleuScore, bleu, bleuOf, bleuStatistics } from './bleu.ts'
import type { BleuTokenizer } from './bleu-tokens.ts'
import { type RougeScores, rouge, rougeTokens, rougeTokensChinese } from './rouge.ts'

interface Fixture {
  tokenizer: BleuTokenizer
  corpus: BleuScore
  sentences: { hypothesis: string; references: string[]; bleu: BleuScore; rouge: RougeScores }[]
}

const sets: Record<string, Fixture> = JSON.parse(
  readFileSync(new URL('./fixtures/overlap.json', import.meta.url), 'utf8'),
)

/** The same numbers to the last places of a double. */
function expectEqual(found: object, expected: object): void {
  for (const [name, value] of Object.entries(expected)) {
    const own = (found as Record<string, unknown>)[name]
    if (typeof value === 'number') expect(own, name).toBeCloseTo(value, 10)
    else expectEqual(own as object, value)
  }
}

describe.each(Object.entries(sets))('overlap of texts in %s', (language, { tokenizer, corpus, sentences }) => {
  it('is the BLEU of sacrebleu for the corpus', () => {
    const hypotheses = sentences.map(({ hypothesis }) => hypothesis)
    const references = sentences.map((sentence) => sentence.references)
    expectEqual(bleu(hypotheses, references, tokenizer), corpus)
  })

  it.each(sentences.map((sentence) => [sentence.hypothesis, sentence] as const))(
    'is that of the references for %j',
    (_, sentence) => {
      const { hypothesis, references } = sentence
      expectEqual(bleuOf([bleuStatistics(hypothesis, references, tokenizer)]), sentence.bleu)
      expectEqual(
        rouge(hypothesis, references, language === 'chinese' ? rougeTokensChinese : rougeTokens),
        sentence.rouge,
      )
    },
  )
})

describe('BLEU', () => {
  it('is 100 for four words or more that are right', () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,6}$/), { minLength: 4, maxLength: 12 })
    fc.assert(
      fc.property(words, (text) => {
        expect(bleu([text.join(' ')], [text.join(' ')]).score).toBeCloseTo(100, 10)
      }),
    )
  })

  it('says that hypotheses and references do not match in number', () => {
    expect(() => bleu(['a'], [])).toThrow('There are 1 hypotheses')
    expect(() => bleu(['a'], [[]])).toThrow('no reference')
  })
})

describe('short answers', () => {
  it('match whatever their case, articles, punctuation and spaces', () => {
    expect(exactMatch('The  Eiffel-Tower!', ['Paris', 'eiffeltower'])).toBe(true)
    expect(exactMatch('30 天 内', '30天内。')).toBe(true)
    expect(exactMatch('31', '30')).toBe(false)
  })

  it('overlap by words, in Chinese by characters', () => {
    expect(tokenF1('the red car', 'a red bus')).toBeCloseTo(0.5)
    expect(tokenF1('三十天', ['天', '三十日'])).toBeCloseTo(2 / 3)
    expect(tokenF1('', '')).toBe(1)
    expect(tokenF1('', 'word')).toBe(0)
  })
})
