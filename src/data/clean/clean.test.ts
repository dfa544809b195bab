import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { noise } from '../augment/noise.ts'
import { clean, profileOf, randomText } from '../testing/documents.ts'
import { kinds } from './characters.ts'
import { decontaminate } from './decontaminate.ts'
import { detectLanguage, language } from './language.ts'
import { length } from './length.ts'
import { lettersOf, wordHash } from './profile.ts'
import { repetition } from './repetition.ts'
import { symbols } from './symbols.ts'

const prose = `A checkpoint goes in and a checkpoint comes out: every stage of training reads a folder and writes another one.
So the stages can be put together in any order that makes sense, and what one of them did can be looked at alone.
When a run is killed it goes on where it stopped, with the same numbers as if nothing had happened.`

describe('the profile of a text', () => {
  it('counts every character once, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { counts, characters } = profileOf(text)
        expect(characters).toBe([...text].length)
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(text.length)
      }),
    )
  })

  it('has the same words for texts that differ in case, spaces and punctuation', () => {
    const words = fc.array(fc.stringMatching(/^[a-z0-9é]{1,8}$/), { minLength: 1, maxLength: 20 })
    const between = fc.array(fc.constantFrom(' ', '\n', ', ', ' -- ', '! "', ' (*) '), { minLength: 20, maxLength: 20 })
    fc.assert(
      fc.property(words, between, (list, gaps) => {
        const text = list.map((word, index) => word.toUpperCase() + gaps[index]).join('')
        expect([...profileOf(text).words]).toEqual(list.map(wordHash))
      }),
    )
  })

  it('takes Chinese characters one by one, rare ones too', () => {
    const { words, counts } = profileOf('学习R1模型,𠮷野家😀')
    expect(words).toHaveLength(2 + 1 + 2 + 3)
    expect(counts[kinds.han]).toBe(7)
    expect(new Set(profileOf('𠮷𠮸').words).size).toBe(2)
    expect(lettersOf(profileOf('学习R1'))).toBe(3)
  })

  it('knows lines by their words', () => {
    const { lineHashes, lineWords } = profileOf('One line.\n\n  ONE line\nanother one here')
    expect([...lineWords]).toEqual([2, 2, 3])
    expect(lineHashes[0]).toBe(lineHashes[1])
    expect(lineHashes[0]).not.toBe(lineHashes[2])
  })
})

describe('language', () => {
  const paragraphs: Record<string, string[]> = JSON.parse(
    readFileSync(new URL('./fixtures/languages.json', import.meta.url), 'utf8'),
  )
  const rows = Object.entries(paragraphs).flatMap(([name, texts]) => texts.map((text) => ({ name, text })))

  it.each(['en', 'zh', 'ja', 'ko'])(
    'finds 98 in 100 paragraphs in %s, and takes one in 100 of the others for it at most',
    (name) => {
      const found = (texts: readonly { text: string }[]) =>
        texts.filter(({ text }) => detectLanguage(profileOf(text)) === name).length / texts.length
      expect(found(rows.filter((row) => row.name === name))).toBeGreaterThanOrEqual(0.98)
      expect(found(rows.filter((row) => row.name !== name))).toBeLessThanOrEqual(0.01)
    },
  )

  it('gives nine in ten paragraphs of all its languages their name', () => {
    const right = rows.filter(({ name, text }) => detectLanguage(profileOf(text)) === name)
    expect(right.length / rows.length).toBeGreaterThan(0.9)
  })

  it('takes programs and numbers for no language', () => {
    expect(detectLanguage(profileOf('let x = f(y); return x + 3.14 * y[0] // 12345'))).toBe('other')
    expect(detectLanguage(profileOf('3.14 2.71 1.41'))).toBe('other')
    expect(detectLanguage(profileOf(''))).toBe('other')
  })

  it('says of what it drops in which language it is', async () => {
    const { report } = await clean([language(['en'])], [prose, '这是一个关于模型训练的中文句子。', '1 2 3'])
    expect(report.stages[0]?.dropped).toEqual({ 'in zh': 1, 'in no known language': 1 })
  })
})

describe('filters of quality', () => {
  it('drop what is too short or too long', async () => {
    const texts = [randomText(1, 4), randomText(1, 5), randomText(1, 9), randomText(1, 10), '一二三四五']
    const { kept, report } = await clean([length({ leastWords: 5, mostWords: 9 })], texts)
    expect(kept).toEqual([texts[1], texts[2], texts[4]])
    expect(report.stages[0]?.dropped).toEqual({ 'fewer than 5 words': 1, 'more than 9 words': 1 })
  })

  it('drop symbols and tables of numbers, not prose in any script', async () => {
    const bad = ['|--+--|==|++|#### word', '3.5 7.25 12 99 1024 3.3 word']
    const good = [prose, '他说:“模型训练好了!”——然后就走了。', 'Он сказал: «Всё готово!»']
    expect((await clean([symbols()], [...bad, ...good])).kept).toEqual(good)
  })

  it('drop repeated lines, a run over and over, and repeated runs, not prose', async () => {
    const lines = `${randomText(1, 30)}\n`.repeat(2) + randomText(2, 30)
    const chant = Array.from({ length: 40 }, (_, index) => `buy it ${randomText(index, 4)}`).join(' ')
    const passage = randomText(3, 30)
    const passages = `${passage} ${randomText(4, 40)} ${passage} ${randomText(5, 30)}`
    const { kept, report } = await clean([repetition()], [lines, chant, passages, prose, randomText(6, 500)])
    expect(kept).toEqual([prose, randomText(6, 500)])
    expect(report.stages[0]?.dropped).toEqual({
      'repeated lines': 1,
      'one run of 2 words over and over': 1,
      'repeated runs of 10 words': 1,
    })
  })
})

describe('decontamination', () => {
  const question = 'Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May.'
  const chinese = '小明有五个苹果,又买了三个,一共有几个?'

  it('drops a text with a run of words of the evaluation set, however it is written', async () => {
    const hidden = `${prose}\nnatalia SOLD clips -- to 48 of her friends (in april) and then she left. ${prose}`
    const { kept, report } = await clean(
      [decontaminate([question, chinese])],
      [hidden, prose, `前言。${chinese}后记。`],
    )
    expect(kept).toEqual([prose])
    expect(report.stages[0]?.dropped).toEqual({ '13 words of an evaluation set': 2 })
  })

  it('finds runs of exactly that many words, and no shorter ones', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), fc.nat(27), fc.integer({ min: 8, max: 20 }), async (seed, start, shared) => {
        const evaluation = randomText(seed, 40)
        const run = evaluation.split(' ').slice(start, start + shared)
        const text = `${randomText(seed + 5000, 30)} ${run.join(' ')} ${randomText(seed + 9000, 30)}`
        const { kept } = await clean([decontaminate([evaluation])], [text])
        expect(kept).toHaveLength(run.length >= 13 ? 0 : 1)
      }),
    )
  })

  it('looks for short questions whole, and leaves everyday phrases alone', async () => {
    const short = 'What is the capital of the Land of Oz?'
    const stage = () => decontaminate([short, 'Yes, it is.'])
    expect((await clean([stage()], [`He asked: what is the capital of the land of Oz?`])).kept).toEqual([])
    expect((await clean([stage()], ['What is the capital of the land? Yes, it is.'])).kept).toHaveLength(1)
  })
})

describe('the pipeline', () => {
  it('accounts for every document and character', async () => {
    const texts = [prose, 'too short', prose, '#### ||| ~~~~ ==== #### $$$$ word', randomText(7, 60)]
    const { kept, report } = await clean([length({ leastWords: 1 }), symbols(), noise({ seed: 1 }), length()], texts)
    const dropped = report.stages
      .flatMap((stage) => Object.values(stage.dropped))
      .reduce((sum, count) => sum + count, 0)
    const added = report.stages.reduce((sum, stage) => sum + stage.added, 0)
    expect(report.documents).toBe(texts.length)
    expect(report.documents + added - dropped).toBe(report.keptDocuments)
    expect(report.keptDocuments).toBe(kept.length)
    expect(report.keptCharacters).toBe(kept.join('').length)
    expect(report.stages.map(({ seen }) => seen)).toEqual([5, 5, 4, 4 + added])
    expect(report.stages[1]?.examples).toEqual({ 'more than 20 % symbols': ['t:4'] })
  })
})
