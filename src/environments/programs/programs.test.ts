import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Example, RewardParts } from '../environment.ts'
import { loadEnvironment } from '../load.ts'
import { score } from '../score.ts'
import { expectConsistent } from '../testing/consistency.ts'
import { type Program, parseProgram, programText, runProgram } from './language.ts'
import { programAnswer } from './list-programs.ts'

const run = (text: string, list: number[]) => runProgram(parseProgram(text) as Program, list)

describe('list-programs', () => {
  it.each([{}, { length: 4, language: 'zh' }, { form: 'chat', thinking: false }])(
    'keeps the promises of environments with %j',
    async (options) => {
      await expectConsistent(await loadEnvironment('list-programs', { options }), 60)
    },
  )

  it('takes any program that does the same, and tells one that only fits what is shown', async () => {
    const environment = await loadEnvironment('list-programs')
    const example = {
      prompt: '',
      shown: [{ input: [3, 1], output: [1, 3] }],
      hidden: [{ input: [1, 2, 3], output: [3, 2, 1] }],
    }
    const rewardOf = async (completion: string) =>
      (await score(environment, { prompt: '', completion, tokens: [], example: example as Example })) as RewardParts
    expect(await rewardOf('<think>hm</think>\nreverse')).toMatchObject({ reward: 1, verified: 1 })
    expect(await rewardOf('take 9 | reverse')).toMatchObject({ reward: 1 })
    expect(await rewardOf('sort')).toMatchObject({ reward: 0, verified: 1, parts: { shown: 1, correct: 0 } })
    expect(await rewardOf('revers')).toMatchObject({ reward: 0, parts: { parsed: 0 } })
  })
})

describe('the language', () => {
  it.each([
    ['reverse | add 2', [1, 2], [4, 3]],
    ['sort | unique | take 2', [3, 1, 3, 2], [1, 2]],
    ['even | sum', [1, 2, 4], [6]],
    ['odd | max', [1, 7, 4], [7]],
    ['max', [], []],
    ['above 2 | below 5 | times -3', [1, 3, 4, 5], [-9, -12]],
    ['drop 1 | min | repeat 3', [9, 2, 5], [2, 2, 2]],
    ['count', [5, 5], [2]],
  ])('%s turns %j into %j', (program, input, output) => {
    expect(run(program, input)).toEqual({ list: output })
  })

  it.each(['', 'reverse |', 'add', 'reverse 2', 'constructor', 'add 99999', 'reverse; add 2', '__proto__'])(
    'refuses %j',
    (text) => {
      expect(parseProgram(text)).toBeUndefined()
    },
  )

  it('ends what grows without bound', () => {
    expect(run(Array(32).fill('repeat 9999').join(' | '), [1])).toEqual({ failure: 'too many steps' })
    expect(run(Array(32).fill('times 9999').join(' | '), [1])).toEqual({ failure: 'too large a number' })
    expect(parseProgram(Array(33).fill('sort').join('|'))).toBeUndefined()
  })

  it('reads what it writes, and ends on anything', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const program = parseProgram(text)
        if (program) expect(parseProgram(programText(program))).toEqual(program)
        expect(() => programAnswer(text)).not.toThrow()
      }),
    )
  })
})
