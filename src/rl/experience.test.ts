import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Experience, packExperiences } from './experience.ts'

const experience = fc
  .record({
    prompt: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 }),
    completion: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 12 }),
  })
  .map(
    ({ prompt, completion }): Experience => ({
      prompt,
      completion,
      columns: { marks: completion.map((token, at) => token + at / 100) },
    }),
  )

describe('packed experiences', () => {
  it('come back token by token, with what belongs to each', () => {
    fc.assert(
      fc.property(fc.array(experience, { minLength: 1, maxLength: 20 }), (experiences) => {
        using packed = packExperiences(experiences, ['marks'], { rows: 2, length: 24 })
        const column = (name: string) => packed.split(packed.batches.map((batch) => batch[name]?.toNumbers() ?? []))
        for (const [index, { completion, columns }] of experiences.entries()) {
          expect([...(column('targets')[index] as Float32Array)]).toEqual(completion)
          expect(column('marks')[index]).toEqual(Float32Array.from(columns.marks as number[]))
          expect(column('counted')[index]?.every((value) => value === 1)).toBe(true)
        }
        const counted = packed.batches.flatMap(({ counted: array }) => array?.toNumbers() ?? [])
        const tokens = experiences.reduce((sum, { completion }) => sum + completion.length, 0)
        expect(counted.reduce((sum, value) => sum + value)).toBe(tokens)
      }),
    )
  })

  it('lie side by side in rows, apart by segment', () => {
    const one = (length: number): Experience => ({ prompt: [7], completion: Array(length).fill(9), columns: {} })
    using packed = packExperiences([one(3), one(5), one(4)], [], { rows: 1, length: 8 })
    expect(packed.batches.map(({ segments }) => segments?.toNumbers())).toEqual([
      [0, 0, 0, 0, 0, 1, 1, 1],
      [0, 0, 0, 0, -1, -1, -1, -1],
    ])
    expect(packed.batches[0]?.positions.toNumbers()).toEqual([0, 1, 2, 3, 4, 0, 1, 2])
  })
})
