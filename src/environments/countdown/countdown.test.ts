import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expressionIn, parseExpression } from '../expression.ts'
import { loadEnvironment } from '../load.ts'
import { rationalText } from '../rational.ts'
import { expectConsistent, take } from '../testing/consistency.ts'
import { checkCountdown } from './countdown.ts'

describe('countdown', () => {
  it.each([
    { numbers: 3 },
    { numbers: 4, language: 'zh' },
    { numbers: [3, 4], language: 'both', form: 'chat' },
    { numbers: 4, search: 'systematic' },
    { numbers: 6, largestNumber: 50 },
    { thinking: false },
  ])('keeps the promises of environments with %j', async (options) => {
    await expectConsistent(await loadEnvironment('countdown', { options }), 150)
  })

  it.each([
    ['3+8', '3+8'],
    ['29 = (9*4)-7', '(9*4)-7'],
    ['- 3+8', '3+8'],
    ['-3+8', undefined],
    ['2.3+8', undefined],
    ['2^3+8', undefined],
    ['(2)3+8', undefined],
  ])('finds in %j the expression %j', (answer, expression) => {
    expect(expressionIn(answer)).toBe(expression)
  })

  it('refuses a search that would not end', async () => {
    const options = { numbers: [3, 5], search: 'systematic' }
    await expect(loadEnvironment('countdown', { options })).rejects.toThrow('use search: guided')
  })

  it('says where the thought arrived: the last result is the target', async () => {
    const environment = await loadEnvironment('countdown')
    for (const { prompt, completion } of await take(200, environment.traces?.('train', 1) ?? [])) {
      const target = /(?:Make|to make|Target:) (\d+)/.exec(String(prompt))?.[1]
      expect(/=(\d+)\n<\/think>/.exec(completion)?.[1]).toBe(target)
    }
  })

  it('gives the same number of problems held out whatever the seed', async () => {
    const environment = await loadEnvironment('countdown', { options: { largestNumber: 6, largestTarget: 30 } })
    const keysOf = async (seed: number) =>
      (await take(10_000, environment.examples('held-out', seed))).map(({ key }) => key).sort()
    const [one, other] = await Promise.all([keysOf(1), keysOf(2)])
    expect(one).toEqual(other)
  })
})

describe('checkCountdown', () => {
  const problem = { numbers: [3, 5, 7], target: 56 }

  it.each([
    ['(3+5)*7', true],
    ['<think>\n3+5*7\n</think>\n7*(3+5)', true],
    ['I think so.</think>The answer is (3 + 5) × 7 = 56.', true],
    ['\\boxed{(3+5)\\times 7}', true],
    ['<answer>(5+3)*7</answer>', true],
    ['算式是（3+5）×7', true],
    ['<think>\n(3+5)*7', false], // A thought without an end has no answer.
    ['<think>(3+5)*7</think>', false],
    ['56', false],
    ['3*7+5*7', false], // 7 twice.
    ['8*7', false],
    ['(3+5)*7+0', false],
    ['(3+5)*7/(5-5)', false],
    ['', false],
  ])('finds %j to be %s', (completion, correct) => {
    expect(checkCountdown(completion, problem).correct).toBe(correct)
  })
})

describe('parseExpression', () => {
  const tree = fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 4 },
      fc.nat(99).map(String),
      fc
        .tuple(tie('node'), fc.constantFrom('+', '-', '*'), tie('node'))
        .map(([left, operator, right]) => `(${left}${operator}${right})`),
    ),
  })).node

  it('agrees with JavaScript on whole numbers', () => {
    fc.assert(
      fc.property(tree, (text) => {
        fc.pre(text.length <= 400)
        const value = parseExpression(text)?.value
        // biome-ignore lint/security/noGlobalEval: the text is made of digits, signs and parentheses above.
        const expected = eval(text) as number
        if (Number.isSafeInteger(expected)) expect(value && rationalText(value)).toBe(String(expected + 0))
      }),
    )
  })

  it('is exact and knows what binds first', () => {
    const read = (text: string) => {
      const found = parseExpression(text)
      return found && rationalText(found.value)
    }
    expect(read('8/3*3')).toBe('8')
    expect(read('1-2-3')).toBe('-4')
    expect(read('12/2/3')).toBe('2')
    expect(read('2+3*4')).toBe('14')
    expect(read('8÷(3-8÷3)')).toBe('24')
  })

  it('ends on anything', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => parseExpression(text)).not.toThrow()
      }),
    )
    for (const text of ['('.repeat(400), `${'('.repeat(39)}1${')'.repeat(39)}`, '1+', '1 2', '-1', '9'.repeat(300)]) {
      expect(() => parseExpression(text)).not.toThrow()
    }
    expect(parseExpression('('.repeat(100_000))).toBeUndefined()
    expect(parseExpression('1 2')).toBeUndefined()
    expect(parseExpression('1/0')).toBeUndefined()
  })
})
