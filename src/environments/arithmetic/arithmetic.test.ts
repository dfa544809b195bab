import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadEnvironment } from '../load.ts'
import { numberAnswer, numberReward } from '../number-answer.ts'
import { expectConsistent, take } from '../testing/consistency.ts'
import { addition, multiplication, subtraction } from './working.ts'

describe('arithmetic and multiplication', () => {
  it.each([
    ['arithmetic', {}],
    ['arithmetic', { language: 'both', form: 'chat', negative: true, digits: 5, factorDigits: 4 }],
    ['arithmetic', { operations: ['*'], thinking: false }],
    ['multiplication', { language: 'zh' }],
    ['multiplication', { leftDigits: 7, rightDigits: 7 }],
  ])('%s keeps the promises of environments with %j', async (name, options) => {
    await expectConsistent(await loadEnvironment(name, { options }), 150)
  })

  it('takes a whole number for right only where every digit is', () => {
    expect(numberReward('56088000', 56088000).reward).toBe(1)
    expect(numberReward('56088000.0', 56088000).reward).toBe(1)
    expect(numberReward('56088001', 56088000).reward).toBe(0)
    expect(numberReward('12345678901', 12345678902).reward).toBe(0)
    expect(numberReward('0.3333333', 1 / 3).reward).toBe(1)
    expect(numberReward('0.3334', 1 / 3).reward).toBe(0)
  })

  it('holds the same products out, whichever environment asks for them', async () => {
    const keysOf = async (name: string, options: object, split: 'train' | 'held-out') => {
      const environment = await loadEnvironment(name, { options })
      return new Set((await take(150, environment.examples(split, 7))).map(({ key }) => key))
    }
    const held = await keysOf('arithmetic', { operations: ['*'] }, 'held-out')
    for (const [name, options] of [
      ['multiplication', { leftDigits: 2, rightDigits: 1 }],
      ['format', {}],
    ] as const) {
      const trained = await keysOf(name, options, 'train')
      expect([...held].filter((key) => trained.has(key))).toEqual([])
    }
  })

  it('gives no problem in two orders to both splits', async () => {
    const environment = await loadEnvironment('arithmetic', { options: { digits: 1, operations: ['+'] } })
    const keysOf = async (split: 'train' | 'held-out') =>
      (await take(500, environment.examples(split, 1))).map(({ key }) => key as string)
    const [train, heldOut] = [new Set(await keysOf('train')), await keysOf('held-out')]
    expect(heldOut.length).toBeGreaterThan(0)
    for (const key of heldOut) {
      const [left, right] = key.split('+')
      expect([train.has(key), train.has(`${right}+${left}`)]).toEqual([false, false])
    }
  })
})

/** Every equation of a working, and whether it is true. */
const isTrue = (working: string): boolean =>
  [...working.matchAll(/([\d+*-]+)=(\d+)/g)].every(([, left, right]) => {
    // biome-ignore lint/security/noGlobalEval: digits and signs alone.
    return eval((left as string).replace(/\b0+(\d)/g, '$1')) === Number(right)
  })

/** The result that the last digits of the steps spell. */
const spelled = (working: string): number => {
  const results = [...working.matchAll(/=(\d+)/g)].map(([, result]) => result as string)
  const first = results.pop() as string
  return Number(
    first +
      results
        .reverse()
        .map((result) => result.at(-1))
        .join(''),
  )
}

describe('workings', () => {
  const number = fc.nat(999_999)

  it('are true step by step and spell the result', () => {
    fc.assert(
      fc.property(number, number, (one, other) => {
        const [large, small] = one < other ? [other, one] : [one, other]
        expect(isTrue(addition(one, other))).toBe(true)
        expect(spelled(addition(one, other))).toBe(one + other)
        expect(isTrue(subtraction(large, small))).toBe(true)
        expect(spelled(subtraction(large, small))).toBe(large - small)
        expect(isTrue(multiplication(one, other))).toBe(true)
        expect(Number(multiplication(one, other).split(' ').at(-1))).toBe(one * other)
      }),
    )
  })

  it('read as people write', () => {
    expect(addition(347, 85)).toBe('7+5=12 4+8+1=13 3+0+1=4')
    expect(subtraction(432, 85)).toBe('12-5=7 13-1-8=4 4-1-0=3')
    expect(multiplication(47, 16)).toBe(
      '47*6: 7*6=42 4*6+4=28 282\n47*10: 7*1=7 4*1=4 470\n282+470: 2+0=2 8+7=15 2+4+1=7 752',
    )
  })
})

describe('numberAnswer', () => {
  it.each([
    ['<think>\n1+1=3\n</think>\n2', 2],
    ['The sum is \\boxed{1,234}.', 1234],
    ['得数是 42。', 42],
    ['-7', -7],
    ['12 - 5 = 7', 7],
    ['<think>\n1+1=2', undefined],
    ['nothing', undefined],
  ])('reads %j as %j', (completion, expected) => {
    expect(numberAnswer(completion)).toBe(expected)
  })
})
