import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ListStream } from '../streams/list.ts'
import { collect } from '../testing/collect.ts'
import { expectResumable } from '../testing/resumable.ts'
import { BatchStream } from './batch.ts'
import { ContiguousRows } from './contiguous.ts'
import type { Example } from './example.ts'
import { PackedRows } from './packed.ts'
import type { TokenRow } from './row.ts'

const pad = 999

/** Tokens that tell where they come from: 1000 · text + place. */
function examplesOf(lengths: readonly number[], prompt = 0): Example[] {
  return lengths.map((length, text) => ({
    ids: Int32Array.from({ length }, (_, place) => 1000 * (text + 1) + place),
    weights: Float32Array.from({ length }, (_, place) => (place < prompt ? 0 : 1)),
  }))
}

/** What rows teach: [context, target, weight] of every place with a weight, the context read from the row alone. */
function lessons(rows: readonly TokenRow[]): string[] {
  return rows.flatMap((row) =>
    [...row.ids.keys()].flatMap((at) => {
      if (row.weights[at] === 0) return []
      const start = at - (row.positions[at] as number)
      const context = row.ids.slice(start, at + 1)
      expect(new Set(row.segments.slice(start, at + 1)).size).toBe(1)
      return [`${context.join(' ')} → ${row.targets[at]} × ${row.weights[at]}`]
    }),
  )
}

const lengthsOfTexts = fc.array(fc.nat(40), { maxLength: 30 })

describe('packed rows', () => {
  it('teach exactly what each example teaches alone', async () => {
    await fc.assert(
      fc.asyncProperty(lengthsOfTexts, fc.nat(3), fc.integer({ min: 1, max: 9 }), async (lengths, prompt, pool) => {
        const source = () => new ListStream(examplesOf(lengths, prompt))
        const packed = await collect(new PackedRows(source(), { length: 40, pad, pool }))
        const alone = await collect(new PackedRows(source(), { length: 40, pad, pool: 1 }))
        expect(lessons(packed).sort()).toEqual(lessons(alone).sort())
        expect(packed.length).toBeLessThanOrEqual(alone.length)
        for (const row of [...packed, ...alone]) {
          for (const at of row.ids.keys()) if (row.ids[at] === pad) expect(row.segments[at]).toBe(-1)
        }
      }),
    )
  })

  it('never learn the prompt, cut what is too long, and say what they did', async () => {
    const packed = new PackedRows(new ListStream(examplesOf([10, 30, 3, 1, 0], 3)), { length: 16, pad })
    const rows = await collect(packed)
    expect(rows).toHaveLength(2)
    expect(rows.flatMap(({ weights }) => [...weights]).reduce((sum, weight) => sum + weight)).toBe(7 + 14)
    expect(packed.counts()).toEqual({ examples: 5, rows: 2, tokens: 9 + 16, truncated: 1, dropped: 3 })
  })

  it('fill the rows well', async () => {
    const lengths = Array.from({ length: 400 }, (_, index) => 2 + ((index * 7919) % 90))
    const packed = new PackedRows(new ListStream(examplesOf(lengths)), { length: 128, pad })
    await collect(packed)
    const { rows, tokens } = packed.counts()
    expect(tokens / (rows * 128)).toBeGreaterThan(0.98)
  })

  it('resume to the identical next row', async () => {
    const lengths = Array.from({ length: 50 }, (_, index) => (index * 13) % 30)
    await expectResumable(() => new PackedRows(new ListStream(examplesOf(lengths, 2)), { length: 24, pad, pool: 9 }))
  })
})

describe('contiguous rows', () => {
  it('make every token but the first the target of the one before it, once', async () => {
    await fc.assert(
      fc.asyncProperty(lengthsOfTexts, fc.integer({ min: 1, max: 50 }), async (lengths, length) => {
        const examples = examplesOf(lengths)
        const rows = await collect(new ContiguousRows(new ListStream(examples), { length, pad, isolated: false }))
        const tokens = examples.flatMap(({ ids }) => [...ids])
        const pairs = rows.flatMap((row) =>
          [...row.ids.keys()].flatMap((at) => (row.weights[at] === 0 ? [] : [[row.ids[at], row.targets[at]]])),
        )
        expect(pairs).toEqual(tokens.slice(1).map((token, index) => [tokens[index], token]))
        for (const { ids, segments } of rows) {
          for (const [at, id] of ids.entries()) expect(segments[at]).toBe(id === pad ? -1 : 0)
        }
      }),
    )
  })

  it('keep texts apart when isolated: no target is learnt across an end, and places start anew', async () => {
    await fc.assert(
      fc.asyncProperty(lengthsOfTexts, fc.integer({ min: 1, max: 50 }), async (lengths, length) => {
        const rows = await collect(
          new ContiguousRows(new ListStream(examplesOf(lengths)), { length, pad, isolated: true }),
        )
        const taught = lessons(rows)
        for (const lesson of taught) {
          const texts = lesson
            .split(' × ')[0]
            ?.match(/\d+/g)
            ?.map((token) => Math.floor(Number(token) / 1000))
          expect(new Set(texts).size).toBe(1)
        }
        expect(taught).toHaveLength(lengths.reduce((sum, count) => sum + Math.max(count - 1, 0), 0))
      }),
    )
  })

  it.each([true, false])('resume to the identical next row (isolated: %s)', async (isolated) => {
    const lengths = Array.from({ length: 40 }, (_, index) => (index * 17) % 45)
    await expectResumable(() => new ContiguousRows(new ListStream(examplesOf(lengths)), { length: 16, pad, isolated }))
  })
})

describe('batches', () => {
  it('hold the rows as 64-bit numbers, the last filled up with padding', async () => {
    const rows = () => new PackedRows(new ListStream(examplesOf([9, 9, 9])), { length: 8, pad, pool: 1 })
    const batches = await expectResumable(() => new BatchStream(rows(), 2))
    const [row, , third] = await collect(rows())
    expect(batches.map(({ shape }) => shape)).toEqual([
      [2, 8],
      [2, 8],
    ])
    expect([...(batches[0]?.ids.subarray(0, 8) ?? [])]).toEqual([...(row?.ids ?? [])].map(BigInt))
    expect([...(batches[1]?.targets.subarray(0, 8) ?? [])]).toEqual([...(third?.targets ?? [])].map(BigInt))
    expect([...(batches[1]?.segments ?? [])]).toEqual([...Array(8).fill(0n), ...Array(8).fill(-1n)])
    expect([...(batches[1]?.weights ?? [])]).toEqual([...Array(8).fill(1), ...Array(8).fill(0)])
  })
})
