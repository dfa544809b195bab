import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equalValues } from './equal.ts'
import { extractCode } from './extract-code.ts'
import { runUntrusted } from './sandbox.ts'
import type { JsonValue } from './task.ts'

const quick = { milliseconds: 300 }
/** For what must come to its end however busy the machine is. */
const patient = { milliseconds: 30_000 }

describe('runUntrusted', () => {
  it('runs JavaScript and TypeScript', async () => {
    expect(
      await runUntrusted('const f = (a, b) => a + b', 'f', [
        [1, 2],
        ['x', 'y'],
      ]),
    ).toEqual({
      failure: undefined,
      results: [{ value: 3 }, { value: 'xy' }],
    })
    const typed = `interface Pair<T> { left: T; right: T }
      enum Side { Left, Right }
      export function f(pair: Pair<number>, side: Side = Side.Right): number | undefined {
        return side === Side.Left ? pair.left : (pair.right as number)
      }`
    expect((await runUntrusted(typed, 'f', [[{ left: 1, right: 2 }], [{ left: 1, right: 2 }, 0]])).results).toEqual([
      { value: 2 },
      { value: 1 },
    ])
  })

  it('hands over what JSON can hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const { results } = await runUntrusted(
          'function f(value) { return value }',
          'f',
          [[value as JsonValue]],
          patient,
        )
        expect(results).toEqual([{ value: JSON.parse(JSON.stringify(value)) }])
      }),
      { numRuns: 50 },
    )
  })

  it.each([
    ['function f( {', 'SyntaxError'],
    ['function g() {}', 'There is no function f'],
    ['throw new RangeError("broken")', 'RangeError: broken'],
    ['f = 7', 'There is no function f'],
    ['x'.repeat(100_001), 'too long'],
  ])('says why %j cannot be called', async (code, failure) => {
    const run = await runUntrusted(code, 'f', [[]], patient)
    expect(run.failure).toContain(failure)
    expect(run.results).toEqual([])
  })

  it.each([
    ['a loop without end', 'while (true);', 'Time is up'],
    ['a recursion without end', 'return f()', 'stack overflow'],
    ['a list without end', 'const a = []; for (;;) a.push(new Array(1e6).fill(1))', ''],
    ['a text without end', 'let s = "a"; for (;;) s += s', ''],
    ['an expression that goes back for ever', 'return /(a+)+$/.test("a".repeat(50) + "b")', 'Time is up'],
    ['an enormous number', 'return String(7n ** 10000000n)', ''],
    ['a huge result', 'return "x".repeat(1e6)', 'too long'],
    ['a result that refers to itself', 'const a = []; a.push(a); return a', 'circular'],
    ['a result that never ends being written', 'return { toJSON() { for (;;); } }', 'Time is up'],
    ['an error that never ends being read', 'throw { get message() { for (;;); } }', ''],
    ['an error that is not one', 'throw null', ''],
    ['a generator of promises', 'const next = () => Promise.resolve().then(next); next(); for (;;);', 'Time is up'],
  ])('survives %s', async (_, body, failure) => {
    const started = Date.now()
    const byTime = failure === '' || failure === 'Time is up'
    const run = await runUntrusted(`function f() { ${body} }`, 'f', [[], []], byTime ? quick : patient)
    expect(run.failure).toBeUndefined()
    expect(run.results[0]?.value).toBeUndefined()
    expect(run.results[0]?.failure).toContain(failure)
    // Bounded, however busy the machine is.
    expect(Date.now() - started).toBeLessThan(60_000)
    expect((await runUntrusted('function f() { return 1 }', 'f', [[]], patient)).results).toEqual([{ value: 1 }])
  })

  it('gives nothing of the host', async () => {
    const names = [
      'process',
      'require',
      'module',
      'fetch',
      'Deno',
      'Bun',
      'WebAssembly',
      'setTimeout',
      'std',
      'os',
      'print',
    ]
    const code = `function f(names) {
      const found = names.filter((name) => typeof globalThis[name] !== 'undefined')
      for (const make of [Function, (async () => {}).constructor]) {
        try { if (make('return typeof process')() !== 'undefined') found.push(make.name) } catch {}
      }
      return found
    }`
    const { results } = await runUntrusted(code, 'f', [[names]], patient)
    // A function made from text lives in the same empty world.
    expect(results).toEqual([{ value: ['AsyncFunction'] }])
    await expect(runUntrusted('import fs from "fs"; function f() {}', 'f', [[]], quick)).resolves.toMatchObject({
      results: [],
    })
    const imported = await runUntrusted(
      'async function f() { return (await import("fs")).readdirSync }',
      'f',
      [[]],
      quick,
    )
    expect(imported.results).toEqual([{ value: {} }])
  })

  it('does not let code reach the world outside by prototypes, nor the next run', async () => {
    const code = `function f() {
      Object.prototype.polluted = 'yes'
      Array.prototype.map = () => 'taken'
      JSON.stringify = () => '"forged"'
      JSON.parse = () => 'forged'
      Object.prototype.toJSON = undefined
      return ({}).polluted
    }`
    expect((await runUntrusted(code, 'f', [[], [1]], patient)).results).toEqual([{ value: 'yes' }, { value: 'yes' }])
    expect('polluted' in {}).toBe(false)
    expect([1].map((value) => value + 1)).toEqual([2])
    const { results } = await runUntrusted('function f() { return [typeof ({}).polluted, [1].map((x) => x)] }', 'f', [
      [],
    ])
    expect(results).toEqual([{ value: ['undefined', [1]] }])
    // A name from inside is a name, and no prototype, outside.
    const forged = await runUntrusted(`function f() { return JSON.parse('{"__proto__": {"polluted": 1}}') }`, 'f', [[]])
    expect(equalValues(forged.results[0]?.value ?? null, {})).toBe(false)
    expect('polluted' in {}).toBe(false)
  })

  it('leaves no memory behind', async () => {
    const hungry = 'function f() { const all = []; for (;;) all.push([1, 2, 3]) }'
    const round = () => Promise.all(Array.from({ length: 4 }, () => runUntrusted(hungry, 'f', [[]], quick)))
    await round()
    const before = process.memoryUsage().rss
    for (let count = 0; count < 2; count++) await round()
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 2 ** 20)
  })
})

describe('equalValues', () => {
  it.each([
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [0.1 + 0.2, 0.3, true],
    [1, 1.0000001, false],
    [[1, [2]], [1, [2]], true],
    [[1, 2], [2, 1], false],
    ['1', 1, false],
    [null, {}, false],
    [[], {}, false],
    [{ a: null }, {}, false],
  ] as [JsonValue, JsonValue, boolean][])('%j and %j: %s', (left, right, equal) => {
    expect(equalValues(left, right)).toBe(equal)
  })
})

describe('extractCode', () => {
  it.each([
    ['```js\nfunction f() {}\n```', 'function f() {}\n'],
    ['Sure:\n```ts\nfunction f() {}\n```\nUse it so:\n```js\nrun(1)\n```', 'function f() {}\n'],
    ['```\nfunction f() {', 'function f() {'],
    ['function f() {}', 'function f() {}'],
  ])('of %j', (answer, code) => {
    expect(extractCode(answer, 'f()')).toBe(code)
  })
})
