import { describe, expect, it } from 'vitest'
import { loadFixture } from '../models/testing/fixture.ts'
import { kernelLibrary } from '../runtime/kernels.ts'
import { holdsPairs, updateShape } from './update-shape.ts'

describe('batches of an update', () => {
  it.each([
    [1, 1, 1],
    [2, 1, 2],
    [3, 1, 3],
    [4, 1, 4],
    [5, 2, 2],
    [9, 3, 3],
    [16, 4, 4],
  ])('of %i rows of one completion are %i rows of %i, and never more tokens', (asked, rows, inRow) => {
    expect(updateShape(asked, 100, false)).toEqual({ rows, length: 100 * inRow })
  })

  it('keep to one completion a row where memory grows with the square of its length', () => {
    expect(updateShape(9, 100, true)).toEqual({ rows: 9, length: 100 })
  })
})

const attends = kernelLibrary().operators.has('Attention')

it.each([
  ['llama-tied', !attends],
  // Caps of scores, and values of another width than the keys, have no kernel while training.
  ['gemma2-caps', true],
  ['deepseek-v2-lite', true],
] as const)('%s holds something for each two tokens: %s', async (name, expected) => {
  const { model, variables } = await loadFixture({ name, family: '', variant: '', notes: '' })
  expect(holdsPairs(model)).toBe(expected)
  variables.dispose()
})
