import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { R1Error } from '../../errors.ts'
import { collect, failureOf } from '../testing/collect.ts'
import { expectResumable } from '../testing/resumable.ts'
import { ListStream } from './list.ts'
import { MixedStream, type Share, shareAt } from './mixture.ts'
import { PrefetchedStream } from './prefetch.ts'
import { RepeatedStream } from './repeat.ts'
import { ShuffledStream } from './shuffle.ts'
import { Stream } from './stream.ts'
import { TransformedStream } from './transform.ts'

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

describe('a shuffled stream', () => {
  it('gives every item once, in an order that only the seed decides', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(60), fc.integer({ min: 1, max: 70 }), fc.nat(), async (count, buffer, seed) => {
        const shuffled = () => new ShuffledStream(new ListStream(numbers(count)), { seed, buffer })
        const items = await collect(shuffled())
        expect([...items].sort((a, b) => a - b)).toEqual(numbers(count))
        expect(await collect(shuffled())).toEqual(items)
      }),
    )
  })

  it('is uniform when the buffer holds all: every item comes first equally often', async () => {
    const counts = [0, 0, 0, 0, 0]
    for (let seed = 0; seed < 2000; seed++) {
      const first = await new ShuffledStream(new ListStream(numbers(5)), { seed, buffer: 5 }).next()
      counts[first as number] = (counts[first as number] as number) + 1
    }
    // Four degrees of freedom: 23.5 is passed once in ten thousand.
    expect(counts.reduce((sum, count) => sum + (count - 400) ** 2 / 400, 0)).toBeLessThan(23.5)
  })

  it('resumes to the identical next item', async () => {
    await expectResumable(() => new ShuffledStream(new ListStream(numbers(90)), { seed: 3, buffer: 16 }))
  })

  it('refuses a state of other data', async () => {
    const long = new ShuffledStream(new ListStream(numbers(30)), { seed: 3, buffer: 8 })
    for (let index = 0; index < 15; index++) await long.next()
    const short = new ShuffledStream(new ListStream(numbers(10)), { seed: 3, buffer: 8 })
    expect((await failureOf(() => short.restore(long.state()))).code).toBe('bad-state')
  })
})

describe('a mixture', () => {
  const letters = (letter: string, count: number) => new ListStream(Array.from({ length: count }, () => letter))

  it('keeps every share within one item at every moment', async () => {
    const shares = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
    const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 9 })
    await fc.assert(
      fc.asyncProperty(shares, sizes, async (weights, lengths) => {
        const items = (index: number) => lengths.map((size) => ({ index, size }))
        const mixture = new MixedStream(
          weights.map((share, index) => ({ share, stream: new RepeatedStream(new ListStream(items(index))) })),
          { size: ({ size }) => size },
        )
        const total = weights.reduce((left, right) => left + right)
        const given = weights.map(() => 0)
        let all = 0
        for (let count = 0; count < 200; count++) {
          const { index, size } = (await mixture.next()) as { index: number; size: number }
          given[index] = (given[index] as number) + size
          all += size
          for (const [component, share] of weights.entries()) {
            // Ahead by at most what was just given; behind by what all others were ahead.
            expect((given[component] as number) - (share / total) * all).toBeLessThanOrEqual(20 + 1e-6)
          }
        }
      }),
      { numRuns: 40 },
    )
  })

  it('lets a domain rise over time', async () => {
    const rising: Share = [
      [0, 0.1],
      [0.5, 0.1],
      [1, 0.9],
    ]
    const falling: Share = rising.map(([progress, share]) => [progress, 1 - share] as const)
    const mixture = new MixedStream(
      [
        { stream: letters('g', 2000), share: falling },
        { stream: letters('d', 2000), share: rising },
      ],
      { total: 1000 },
    )
    const items: string[] = []
    while (items.length < 1000) items.push((await mixture.next()) as string)
    const share = (from: number, to: number) =>
      items.slice(from, to).filter((item) => item === 'd').length / (to - from)
    expect(share(0, 500)).toBeCloseTo(0.1, 2)
    expect(share(500, 1000)).toBeCloseTo(0.5, 1)
    expect(share(900, 1000)).toBeCloseTo(0.82, 1)
  })

  it('gives the share of a stream that has ended to the others', async () => {
    const mixture = new MixedStream([
      { stream: letters('a', 3), share: 1 },
      { stream: letters('b', 9), share: 1 },
      { stream: letters('c', 9), share: 0 },
    ])
    expect((await collect(mixture)).join('')).toBe('abababbbbbbb')
  })

  it('resumes to the identical next item, also behind the end of a stream', async () => {
    const items = await expectResumable(
      () =>
        new MixedStream(
          [
            { stream: letters('aaa', 7), share: 2 },
            {
              stream: new RepeatedStream(new ShuffledStream(letters('bb', 9), { seed: 1, buffer: 4 }), 3),
              share: [
                [0, 1],
                [1, 5],
              ],
            },
            { stream: letters('c', 20), share: 1 },
          ],
          { size: (item) => item.length, total: 60 },
        ),
    )
    expect(items).toHaveLength(7 + 27 + 20)
  })

  it.each([
    [-1],
    [Number.NaN],
    [[]],
    [
      [
        [0, 1],
        [0, 2],
      ],
    ],
    [
      [
        [0.5, 1],
        [2, 1],
      ],
    ],
    [
      [
        [0, 1],
        [1, 2],
      ],
    ],
  ] as [Share][])('refuses the share %j where it makes no sense', (share) => {
    expect(() => new MixedStream([{ stream: letters('a', 1), share }])).toThrow(R1Error)
  })

  it('joins the corners of a share by straight lines', () => {
    const share: Share = [
      [0.2, 1],
      [0.6, 3],
    ]
    expect([0, 0.2, 0.3, 0.6, 1].map((progress) => shareAt(share, progress))).toEqual([1, 1, 1.5, 3, 3])
  })
})

describe('a repeated stream', () => {
  it('gives every pass whole and stops after the last', async () => {
    expect(await expectResumable(() => new RepeatedStream(new ListStream([1, 2, 3]), 2))).toEqual([1, 2, 3, 1, 2, 3])
  })

  it('stays empty when there is nothing to repeat', async () => {
    expect(await new RepeatedStream(new ListStream([])).next()).toBeUndefined()
  })
})

describe('a transformed stream', () => {
  const make = (count: number) => Array.from({ length: count }, (_, index) => `${count}.${index}`)
  /** Takes the longer the smaller the item, so that later ones are done first. */
  const slowly = async (count: number) => {
    for (let turn = count; turn < 6; turn++) await new Promise(setImmediate)
    return make(count)
  }

  it.each([1, 2, 5])('resumes in the middle of what an item became, with %i workers', async (workers) => {
    const source = () => new ListStream([0, 3, 0, 0, 2, 1, 0])
    const items = await expectResumable(() => new TransformedStream(source(), slowly, { workers }))
    expect(items).toEqual(['3.0', '3.1', '3.2', '2.0', '2.1', '1.0'])
    expect(await collect(new TransformedStream(source(), make))).toEqual(items)
  })

  it.each([1, 3])('throws in its place what could not be made, with %i workers', async (workers) => {
    const failing = (count: number) => {
      if (count === 2) throw new R1Error('bad-record', 'broken')
      return make(count)
    }
    const stream = new TransformedStream(new ListStream([1, 1, 2, 1]), failing, { workers })
    expect([await stream.next(), await stream.next()]).toEqual(['1.0', '1.0'])
    expect((await failureOf(() => stream.next())).code).toBe('bad-record')
    expect([await stream.next(), await stream.next()]).toEqual(['1.0', undefined])
  })
})

describe('a prefetched stream', () => {
  it.each([1, 2, 8])('changes neither items nor states, %i ahead', async (ahead) => {
    const source = () => new ShuffledStream(new ListStream(numbers(30)), { seed: 5, buffer: 6 })
    const items = await expectResumable(() => new PrefetchedStream(source(), ahead))
    expect(items).toEqual(await collect(source()))
  })

  it('throws an error of the source in its place', async () => {
    class Failing extends Stream<number> {
      private count = 0
      async next(): Promise<number> {
        if (this.count === 2) throw new R1Error('bad-record', 'broken')
        return this.count++
      }
      state = () => this.count
      async restore(): Promise<void> {}
    }
    const stream = new PrefetchedStream(new Failing(), 8)
    expect([await stream.next(), await stream.next()]).toEqual([0, 1])
    expect((await failureOf(() => stream.next())).code).toBe('bad-record')
  })
})
