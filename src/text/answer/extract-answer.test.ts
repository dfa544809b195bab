import { describe, expect, it } from 'vitest'
import { extractBoxed } from './boxed.ts'
import { extractAnswer, extractHashes } from './extract-answer.ts'
import { extractLastNumber, parseNumber } from './number.ts'

describe('extractBoxed', () => {
  it.each([
    ['so \\boxed{42}.', '42'],
    ['\\boxed{\\frac{1}{2}}', '\\frac{1}{2}'],
    ['first \\boxed{1}, then \\boxed{ 2 }', '2'],
    ['\\boxed {x^{2^{3}}}', 'x^{2^{3}}'],
    ['\\boxed{a} and \\boxed{never closed', 'a'],
    ['\\fbox{7}', '7'],
    ['\\boxed{\\{1, 2\\}}', '\\{1, 2\\}'],
    ['no box {3}', undefined],
    ['\\boxed 5', undefined],
    ['}}} \\boxed{ok}', 'ok'],
  ])('reads %j as %j', (text, expected) => {
    expect(extractBoxed(text)).toBe(expected)
  })

  it('stays linear on a million open boxes', () => {
    expect(extractBoxed('\\boxed{'.repeat(150_000))).toBeUndefined()
    expect(extractBoxed(`${'\\boxed{'.repeat(100_000)}1${'}'.repeat(100_000)}`)).toBe('1')
    expect(extractBoxed(`\\boxed${' '.repeat(1_000_000)}`)).toBeUndefined()
    expect(extractBoxed('\\'.repeat(1_000_000))).toBeUndefined()
  })
})

describe('extractLastNumber', () => {
  it.each([
    ['It costs $1,234.50 today', '1,234.50', 1234.5],
    ['from 3 to -7', '-7', -7],
    ['x = 5-3', '3', 3],
    ['(4)-1', '1', 1],
    ['half is 1/2', '1/2', 0.5],
    ['a discount of 15%', '15%', 0.15],
    ['比例是１２．５％。', '１２．５％', 0.125],
    ['一共 3，000 元。', '3，000', 3000],
    ['answers: 1, 2, 3', '3', 3],
    ['价格是42。', '42', 42],
    ['minus −8', '−8', -8],
    ['\\frac{3}{4}', '\\frac{3}{4}', 0.75],
    ['version 2.0.', '2.0', 2],
    ['1,2345', '2345', 2345],
  ])('reads the end of %j as %j', (text, number, value) => {
    expect(extractLastNumber(text)).toEqual({ text: number, value })
  })

  it('finds none where there is none', () => {
    expect(extractLastNumber('none at all. − , %')).toBeUndefined()
  })

  it.each([
    '1'.repeat(1_000_000),
    '1,'.repeat(500_000),
    '1,111'.repeat(200_000),
    '- '.repeat(500_000),
    `1${' '.repeat(1e6)}x`,
    '\\frac{'.repeat(200_000),
  ])('stays linear on a long hostile text (%#)', (text) => {
    expect(() => extractLastNumber(text)).not.toThrow()
  })
})

describe('extractAnswer', () => {
  it('prefers the box, then the hashes, then the last number', () => {
    expect(extractAnswer('1 + 1 = 2\n#### 2\n\\boxed{two}')).toEqual({ source: 'boxed', text: 'two' })
    expect(extractAnswer('1 + 1 = 3\n#### 2\n')).toEqual({ source: 'hashes', text: '2' })
    expect(extractAnswer('1 + 1 = 2.')).toEqual({ source: 'number', text: '2' })
    expect(extractAnswer('#### 2\n\\boxed{3}', ['hashes'])).toEqual({ source: 'hashes', text: '2' })
    expect(extractAnswer('nothing')).toBeUndefined()
  })

  it('reads the hashes to the end of their line', () => {
    expect(extractHashes('#### 1\n#### 1,080 \nend')).toBe('1,080')
  })
})

describe('parseNumber', () => {
  it('takes one number with marks around it, not several', () => {
    expect(parseNumber('$1,080.00')).toBe(1080)
    expect(parseNumber('18 dollars')).toBe(18)
    expect(parseNumber('3 or 4')).toBeUndefined()
    expect(parseNumber('none')).toBeUndefined()
  })
})
