import { describe, expect, it } from 'vitest'
import { checkFormat } from './format.ts'
import { loadEnvironment } from './load.ts'
import { expectConsistent } from './testing/consistency.ts'

describe('format', () => {
  it.each([{}, { language: 'both', form: 'chat' }])('keeps the promises of environments with %j', async (options) => {
    // Its problems are those of arithmetic.
    await expectConsistent(await loadEnvironment('format', { options }), 50, { name: 'arithmetic' })
  })

  it.each([
    ['<think>\nhm\n</think>\n4', true, true],
    ['hm</think>4', true, true], // The prompt opened the thought.
    ['<think>hm</think>', true, false],
    [`<think>hm</think>${'word '.repeat(50)}`, true, false],
    ['<think>hm', false, false],
    ['<think></think>4', false, false],
    ['4', false, false],
    ['<think>a</think><think>b</think>4', false, false],
    ['first <think>a</think>4', false, false],
  ])('of %j says that it thinks: %s, answers: %s', (completion, thinks, answers) => {
    expect(checkFormat(completion)).toEqual({ thinks, answers })
  })
})
