import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Random } from '../random.ts'
import { failureOf } from '../testing/collect.ts'
import { documentsOf, randomText } from '../testing/documents.ts'
import { addNoise, noise } from './noise.ts'
import { readWordNet, replaceSynonyms, synonyms } from './synonyms.ts'
import { segmentsOf } from './words.ts'

const table = new Map([
  ['big', ['large', 'great']],
  ['苹果', ['水果']],
])

describe('segments', () => {
  it('are the text when joined', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(
          segmentsOf(text)
            .map((segment) => segment.text)
            .join(''),
        ).toBe(text)
      }),
    )
  })
})

describe('noise', () => {
  it('spoils about as much as it is told, and nothing at 0', () => {
    const text = randomText(1, 2000)
    expect(addNoise(text, { characters: 0, words: 0 }, new Random(1))).toBe(text)
    const kept = addNoise(text, { characters: 0, words: 0.1 }, new Random(1)).split(/ +/).length
    expect(kept / 2000).toBeCloseTo(0.9, 1)
    const spoilt = addNoise(text, { characters: 0.05, words: 0 }, new Random(1)).split(' ')
    const changed = text.split(' ').filter((word, index) => word !== spoilt[index]).length
    // Words of four letters: one in five is hit, and some hits change nothing.
    expect(changed / 2000).toBeGreaterThan(0.08)
    expect(changed / 2000).toBeLessThan(0.25)
  })

  it('depends on the seed and the document alone', () => {
    const documents = documentsOf([randomText(1, 200), randomText(2, 200)])
    const copiesOf = (seed: number, index: number) =>
      noise({ seed, copies: 2 }).expand(documents[index] as (typeof documents)[0])
    expect(copiesOf(5, 1)).toEqual(copiesOf(5, 1))
    expect(copiesOf(5, 1)).not.toEqual(copiesOf(6, 1))
    const [original, first, second] = copiesOf(5, 0)
    expect(original).toBe(documents[0])
    expect(first?.text).not.toBe(second?.text)
    expect(first?.id).toBe('t:1#noise-1')
  })
})

describe('synonyms', () => {
  it('stand in for words in their case, in Chinese too', () => {
    const replaced = replaceSynonyms('A big car. Big! BIG. 我喜欢苹果。', table, 1, new Random(3))
    expect(replaced).toMatch(/^A (large|great) car\. (Large|Great)! (LARGE|GREAT)\. 我喜欢水果。$/)
    expect(replaceSynonyms('A big car.', table, 0, new Random(3))).toBe('A big car.')
  })

  it('add no copy where nothing could be replaced', () => {
    const [document] = documentsOf(['no such word'])
    expect(synonyms({ seed: 1, synonyms: table, share: 1 }).expand(document as NonNullable<typeof document>)).toEqual([
      document,
    ])
  })
})

describe('readWordNet', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'r1-wordnet-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('takes the words of one meaning for synonyms', async () => {
    const licence = '  1 This software is provided as it is\n'
    const noun = '02958343 06 n 03 car 0 motor_car 0 automobile 0 001 @ 03791235 n 0000 | a motor vehicle\n'
    const adjective = '01382086 00 s 02 big(a) 0 Large 0 000 | above average\n'
    for (const name of ['noun', 'verb', 'adv']) await writeFile(join(folder, `data.${name}`), licence + noun)
    await writeFile(join(folder, 'data.adj'), licence + adjective)
    const found = await readWordNet(folder)
    expect(Object.fromEntries(found)).toEqual({
      car: ['automobile'],
      automobile: ['car'],
      big: ['Large'],
      large: ['big'],
    })
  })

  it('says what is missing or no WordNet', async () => {
    expect((await failureOf(() => readWordNet(join(folder, 'absent')))).code).toBe('file-not-found')
    await writeFile(join(folder, 'data.noun'), 'no such format\n')
    expect((await failureOf(() => readWordNet(folder))).message).toContain('line 1 is no line of WordNet')
  })
})
