import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Attempt, RewardParts } from '../environment.ts'
import { loadEnvironment } from '../load.ts'
import { rationalText } from '../rational.ts'
import { score } from '../score.ts'
import { expectConsistent } from '../testing/consistency.ts'
import { type Equation, parseEquation, parseSolution, solutionValue, solve, validateStep } from './equation.ts'
import { parseLinear } from './linear.ts'
import { checkSolution } from './linear-equations.ts'

const equation = (text: string) => parseEquation(text) as Equation
const solutionOf = (text: string) => {
  const found = solve(equation(text))
  return typeof found === 'string' ? found : rationalText(found)
}

describe('linear-equations', () => {
  it.each([
    {},
    { process: 0.5, language: 'zh' },
    { kinds: ['brackets'], form: 'chat', largestFactor: 50, largestSolution: 300 },
    { kinds: ['one-step'] },
  ])('keeps the promises of environments with %j', async (options) => {
    await expectConsistent(await loadEnvironment('linear-equations', { options }), 200)
  })

  it('pays for right steps where the process counts', async () => {
    const rewardOf = async (process: number, completion: string) => {
      const environment = await loadEnvironment('linear-equations', { options: { process } })
      const example = { prompt: '', equation: '3x+5=11' }
      return (await score(environment, {
        completion,
        example,
        prompt: '',
        tokens: [],
      } satisfies Attempt)) as RewardParts
    }
    const slip = '<think>\n3x=6\nx=3\n</think>\nx=3'
    expect(await rewardOf(0, slip)).toMatchObject({ reward: 0, parts: { correct: 0, process: 0.5, wrongSteps: 1 } })
    expect(await rewardOf(0.5, slip)).toMatchObject({ reward: 0.25 })
    expect(await rewardOf(0.5, '<think>\n3x=6\nx=2\n</think>\nx=2')).toMatchObject({ reward: 1, verified: 2 })
    // A right answer after wrong steps is not wholly right, and a checker of steps sees it.
    expect(await rewardOf(0.5, '<think>\n3x=9\nx=2\n</think>\nx=2')).toMatchObject({ reward: 0.5, verified: 1 })
    // Saying the same again and again earns nothing.
    expect(await rewardOf(1, `<think>\n${'3x+5=11\n'.repeat(9)}</think>\nx=2`)).toMatchObject({ reward: 0 })
  })
})

describe('equations', () => {
  it.each([
    ['3x+5=11', '2'],
    ['2(x-3)=x+1', '7'],
    ['x/2 = 3/4', '3/2'],
    ['-x=4', '-4'],
    ['1.5x = 3', '2'],
    ['3(2x - (x+1)) = 6', '3'],
    ['（x＋1）×2=6', '2'],
    ['x=x', 'all'],
    ['x=x+1', 'none'],
    ['5=2x', '5/2'],
  ])('solves %s: %s', (text, solution) => {
    expect(solutionOf(text)).toBe(solution)
  })

  it.each(['x*x=4', '3/x=1', 'y=2', '3x+=1', 'x', 'x=1=1', '(x=1', 'x/0=1', '='])('refuses %s', (text) => {
    expect(parseEquation(text)).toBeUndefined()
  })

  it('finds the solution that an equation was made from', () => {
    const number = fc.integer({ min: -30, max: 30 })
    fc.assert(
      fc.property(number, number, number, number, (slope, constant, otherSlope, x) => {
        fc.pre(slope !== otherSlope)
        const right = (slope - otherSlope) * x + constant
        expect(solutionOf(`(${slope})x+(${constant})=(${otherSlope})*x+(${right})`)).toBe(String(x))
      }),
    )
  })

  it.each([
    ['x = 5', '5'],
    ['5', '5'],
    ['-5.', '-5'],
    ['–5', '-5'],
    ['3/2', '3/2'],
    ['3.5', undefined],
    ['0.5', undefined],
    ['1,5', undefined],
  ])('reads %j as %j', (answer, value) => {
    const read = solutionValue(answer)
    expect(read && rationalText(read)).toBe(value)
  })

  it('ends on anything', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789x+-*/().= \n') }), (text) => {
        expect(() => [parseLinear(text), parseSolution(equation('x=1'), text), solutionValue(text)]).not.toThrow()
      }),
    )
    expect(parseLinear(`${'('.repeat(90)}x${')'.repeat(90)}`)).toBeUndefined()
    expect(parseLinear('-'.repeat(200))).toBeUndefined()
    expect(() => parseSolution(equation('x=1'), '='.repeat(1_000_000))).not.toThrow()
    expect(() => parseSolution(equation('x=1'), 'x=1\n'.repeat(1_000_000))).not.toThrow()
  })
})

describe('validateStep', () => {
  it.each([
    ['3x+5=11', '3x=11-5', true],
    ['3x+5=11', '3x=16', false],
    ['2(x-3)=4', '2x-6=4', true],
    ['2(x-3)=4', '2x-3=4', false],
    ['x=2', '5x=10', true],
    ['x=2', '0=0', false],
    ['x=x+1', '0=1', true],
  ])('from %s to %s: %s', (previous, next, valid) => {
    expect(validateStep(equation(previous), equation(next))).toBe(valid)
  })
})

describe('parseSolution', () => {
  const problem = equation('3x+5=11')
  const read = (text: string) =>
    parseSolution(problem, text).steps.map(({ equation: { text: line }, valid }) => [line, valid])

  it('finds equations between words and marks', () => {
    expect(read('First, subtract 5: 3x = 11 - 5.\nSo 3x = 6, and then $x = 6/3 = 2$.')).toEqual([
      ['3x = 11 - 5', true],
      ['3x = 6', true],
      ['x = 6/3', true],
      ['6/3 = 2', true],
    ])
    expect(read('两边减5得3x=6。所以x=2。')).toEqual([
      ['3x=6', true],
      ['x=2', true],
    ])
  })

  it('blames the line with the slip, not those after it', () => {
    expect(read('3x=16\n6x=32\nx=5')).toEqual([
      ['3x=16', false],
      ['6x=32', true],
      ['x=5', false],
    ])
  })
})

describe('checkSolution', () => {
  it.each([
    ['x=2', '2'],
    ['The value of x is 2.', '2'],
    ['\\boxed{x = 2}', '2'],
    ['\\boxed{4/2}', '2'],
    ['<think>\nx=2', undefined],
    ['none', undefined],
  ])('reads the answer of %j as %s', (completion, answer) => {
    const checked = checkSolution(completion, equation('3x+5=11'))
    expect(checked).toMatchObject({ answer, correct: answer === '2' })
  })
})
