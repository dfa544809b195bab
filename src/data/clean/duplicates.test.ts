import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { R1Error } from '../../errors.ts'
import { Random } from '../random.ts'
import { clean, profileOf, randomText, randomWords } from '../testing/documents.ts'
import { BandIndex } from './band-index.ts'
import { exactDuplicates } from './exact-duplicates.ts'
import { HashSet64 } from './hash-set.ts'
import { MinHash } from './min-hash.ts'
import { nearDuplicates } from './near-duplicates.ts'

/** A text with some of its words replaced. */
function changed(text: string, share: number, seed: number): string {
  const random = new Random(seed, 'change')
  const words = text.split(' ')
  for (let change = 0; change < share * words.length; change++) {
    words[random.below(words.length)] = randomWords(random, 1)[0] as string
  }
  return words.join(' ')
}

/** Share of shingles that two texts have in common. */
function jaccard(left: string, right: string, shingle: number): number {
  const sets = [left, right].map((text) => {
    const words = text.split(' ')
    return new Set(words.slice(shingle - 1).map((_, start) => words.slice(start, start + shingle).join(' ')))
  }) as [Set<string>, Set<string>]
  const shared = [...sets[0]].filter((gram) => sets[1].has(gram)).length
  return shared / (sets[0].size + sets[1].size - shared)
}

describe('a set of hashes', () => {
  it('holds what was added and nothing else', () => {
    const halves = fc.array(fc.tuple(fc.nat(50), fc.nat(50)), { maxLength: 400 })
    fc.assert(
      fc.property(halves, (added) => {
        const set = new HashSet64(8)
        const model = new Set<string>()
        for (const [low, high] of added) {
          const key = `${low} ${high || 1}`
          expect(set.add(low, high)).toBe(!model.has(key))
          model.add(key)
        }
        expect(set.size).toBe(model.size)
        for (let low = 0; low <= 50; low++) expect(set.has(low, 51)).toBe(false)
      }),
    )
  })
})

describe('exact duplicates', () => {
  it('are dropped after their first, those that differ by a letter are kept', async () => {
    const texts = ['one text', 'one text\n', 'one  text', 'One text', 'one text', '另一个', '另一个']
    const { kept } = await clean([exactDuplicates()], texts)
    expect(kept).toEqual(['one text', 'one  text', 'One text', '另一个'])
  })
})

describe('MinHash', () => {
  it('estimates the similarity of sets within its error, without bias', () => {
    const bins = 128
    const hasher = new MinHash({ seed: 1, bins, shingle: 5 })
    for (const share of [0, 0.01, 0.03, 0.1]) {
      let error = 0
      const trials = 60
      for (let trial = 0; trial < trials; trial++) {
        const left = randomText(trial, 400)
        const right = changed(left, share, trial)
        const signatures = [left, right].map((text) => {
          const signature = new Uint32Array(bins)
          hasher.sign(profileOf(text).words, signature)
          return signature
        }) as [Uint32Array, Uint32Array]
        const equal = signatures[0].filter((value, bin) => value === signatures[1][bin]).length / bins
        const truth = jaccard(left, right, 5)
        error += equal - truth
        // Four standard deviations of a share of 128.
        expect(Math.abs(equal - truth)).toBeLessThan(4 * Math.sqrt((truth * (1 - truth)) / bins) + 0.02)
      }
      expect(Math.abs(error / trials)).toBeLessThan(0.02)
    }
  })

  it('gives short texts a signature, and none to a text without words', () => {
    const hasher = new MinHash({ seed: 1, bins: 64, shingle: 5 })
    const signature = new Uint32Array(64)
    expect(hasher.sign(profileOf('two words').words, signature)).toBe(true)
    expect(signature).not.toContain(0xffffffff)
    expect(hasher.sign(profileOf('!?').words, signature)).toBe(false)
  })
})

describe('near duplicates', () => {
  it('are found, and unlike texts kept, also among many', async () => {
    const originals = Array.from({ length: 600 }, (_, index) => randomText(index, 300))
    const copies = originals.slice(0, 200).map((text, index) => changed(text, 0.01, index))
    const related = originals.slice(200, 400).map((text, index) => changed(text, 0.2, index))
    const { kept } = await clean([nearDuplicates()], [...originals, ...copies, ...related])
    expect(kept.slice(0, 600)).toEqual(originals)
    const survivors = new Set(kept)
    expect(copies.filter((text) => survivors.has(text)).length).toBeLessThanOrEqual(2)
    expect(related.every((text) => survivors.has(text))).toBe(true)
  })

  it('are found whatever the case, punctuation and spaces, in Chinese too', async () => {
    const text = '检查点进去,检查点出来:训练的每一个阶段都读一个文件夹,再写一个文件夹。'
    const { kept } = await clean([nearDuplicates()], [text, text.replaceAll(',', ' \n'), `${text}好`])
    expect(kept).toEqual([text])
  })

  it('are the same in every run with the same seed', async () => {
    const texts = Array.from({ length: 200 }, (_, index) => changed(randomText(index % 20, 100), 0.03, index))
    const run = async (seed: number) => (await clean([nearDuplicates({ seed })], texts)).kept
    expect(await run(1)).toEqual(await run(1))
  })

  it('take memory by the text, not by its length', () => {
    const index = new BandIndex(128, 16)
    const hasher = new MinHash({ seed: 1, bins: 128, shingle: 5 })
    const signature = new Uint32Array(128)
    for (let document = 0; document < 3000; document++) {
      hasher.sign(profileOf(randomText(document, 40)).words, signature)
      expect(index.addUnlessLike(signature, 0.8)).toBe(true)
    }
    // 128 bytes of signature in blocks of 2 MiB, and 16 entries of 8 bytes in a table that is up to three eighths full.
    expect(index.bytes).toBeLessThanOrEqual(2 ** 21 + 3000 * 16 * 8 * (8 / 3))
  })

  it('refuse bands that do not fit', () => {
    expect(() => nearDuplicates({ bins: 100 })).toThrow(R1Error)
    expect(() => nearDuplicates({ bins: 128, bands: 12 })).toThrow(R1Error)
  })
})
