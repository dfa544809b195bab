import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NDArray } from '../runtime/array.ts'
import { jit } from '../runtime/jit.ts'
import {
  addDimensions,
  canonicalDimension,
  type Dimension,
  divideDimensions,
  evaluateDimension,
  multiplyDimensions,
  subtractDimensions,
} from './dimension.ts'
import { add, concat, cumulativeSum, flip, pad, reshape, slice, sort, split, type Tensor, transpose } from './index.ts'
import { broadcastShapes, sameShape } from './shape.ts'
import { make, Plain, size, zip } from './testing/plain.ts'

const runs = { numRuns: 25 }

/** Result of a function of arrays, compiled for these alone. */
function run(body: (inputs: readonly Tensor[]) => Tensor, arrays: readonly NDArray[]): NDArray {
  using compiled = jit(body as (inputs: readonly Tensor[]) => Tensor)
  return compiled.runSync(arrays as never) as NDArray
}

const counted = (shape: readonly number[]): NDArray =>
  NDArray.from(
    Array.from({ length: size(shape) }, (_, place) => place + 1),
    shape,
  )
const plain = (array: NDArray): Plain => new Plain(array.shape, array.toNumbers())
const extents = (low: number, high: number) =>
  fc.array(fc.integer({ min: 1, max: 4 }), { minLength: low, maxLength: high })

/** A shape, and a second one that broadcasts with it: some of its axes are 1, some leading ones are missing. */
const broadcastPair = extents(1, 4).chain((shape) =>
  fc
    .tuple(fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }), fc.nat({ max: shape.length }))
    .map(([ones, missing]) => [shape, shape.map((extent, axis) => (ones[axis] ? 1 : extent)).slice(missing)] as const),
)

describe('broadcasting', () => {
  it('agrees with plain JavaScript', () => {
    fc.assert(
      fc.property(broadcastPair, fc.boolean(), ([left, right], swapped) => {
        const [a, b] = swapped ? [counted(right), counted(left)] : [counted(left), counted(right)]
        const found = run(([x, y]) => add(x as Tensor, y as Tensor), [a, b])
        const expected = zip((x, y) => x + y, plain(a), plain(b))
        expect([found.shape, found.toNumbers()]).toEqual([expected.shape, expected.data])
      }),
      runs,
    )
  })

  it('of shapes is symmetric, and refuses what differs', () => {
    fc.assert(
      fc.property(extents(0, 4), extents(0, 4), (left, right) => {
        const found = broadcastShapes(left, right)
        expect(broadcastShapes(right, left)).toEqual(found)
        const rank = Math.max(left.length, right.length)
        const fits = Array.from({ length: rank }, (_, back) => [
          left.at(-1 - back) ?? 1,
          right.at(-1 - back) ?? 1,
        ]).every(([x, y]) => x === y || x === 1 || y === 1)
        expect(found !== undefined).toBe(fits)
      }),
    )
  })
})

/** Dimensions made of the names a, b and c. */
const dimension: fc.Arbitrary<Dimension> = fc
  .array(fc.tuple(fc.integer({ min: -3, max: 5 }), fc.subarray(['a', 'b', 'c'])), { maxLength: 3 })
  .map((terms) =>
    terms.reduce<Dimension>(
      (sum, [coefficient, names]) => addDimensions(sum, names.reduce<Dimension>(multiplyDimensions, coefficient)),
      0,
    ),
  )
const assignment = fc
  .record({ a: fc.nat(9), b: fc.nat(9), c: fc.nat(9) })
  .map((record) => new Map(Object.entries(record)))

describe('arithmetic of dimensions', () => {
  it('means what it says for every value of the names', () => {
    fc.assert(
      fc.property(dimension, dimension, assignment, (x, y, values) => {
        const [left, right] = [evaluateDimension(x, values), evaluateDimension(y, values)]
        expect(evaluateDimension(addDimensions(x, y), values)).toBe(left + right)
        expect(evaluateDimension(subtractDimensions(x, y), values)).toBe(left - right + 0)
        expect(evaluateDimension(multiplyDimensions(x, y), values)).toBe(left * right + 0)
      }),
    )
  })

  it('has one text for equal dimensions', () => {
    fc.assert(
      fc.property(dimension, dimension, dimension, (x, y, z) => {
        expect(addDimensions(x, y)).toBe(addDimensions(y, x))
        expect(multiplyDimensions(x, y)).toBe(multiplyDimensions(y, x))
        expect(multiplyDimensions(x, addDimensions(y, z))).toBe(
          addDimensions(multiplyDimensions(x, y), multiplyDimensions(x, z)),
        )
        if (typeof x === 'string') expect(canonicalDimension(x)).toBe(x)
      }),
    )
  })

  it('divides what was multiplied, by one term', () => {
    const term = fc
      .tuple(fc.integer({ min: 1, max: 6 }), fc.subarray(['a', 'b', 'c']))
      .map(([coefficient, names]) => names.reduce<Dimension>(multiplyDimensions, coefficient))
    fc.assert(
      fc.property(dimension, term, (x, divisor) => {
        expect(divideDimensions(multiplyDimensions(x, divisor), divisor)).toBe(x)
      }),
    )
  })
})

describe('shapes with a named batch', () => {
  it('are reshaped and put back for any batch', () => {
    fc.assert(
      fc.property(extents(1, 3), fc.integer({ min: 1, max: 4 }), ([...inner], batch) => {
        using compiled = jit(
          ({ x }: { x: Tensor }) => {
            const flat = reshape(x, [-1, inner.at(-1) as number])
            const back = reshape(flat, [x.shape[0] as Dimension, ...inner])
            expect(sameShape(back.shape, x.shape)).toBe(true)
            return reshape(add(back, 0.5), [-1])
          },
          { dimensions: { x: ['batch', ...inner] } },
        )
        const x = counted([batch, ...inner])
        expect((compiled.runSync({ x }) as NDArray).toNumbers()).toEqual(x.toNumbers().map((value) => value + 0.5))
      }),
      runs,
    )
  })
})

describe('round trips', () => {
  it('slice agrees with plain indexing, for any start, end and step', () => {
    const bound = fc.option(fc.integer({ min: -7, max: 7 }), { nil: undefined })
    const step = fc.integer({ min: -3, max: 3 }).filter((value) => value !== 0)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), bound, bound, step, (extent, start, end, step) => {
        const indices = pythonSlice(extent, start, end, step)
        fc.pre(indices.length > 0)
        const found = run(([x]) => slice(x as Tensor, { 1: { start, end, step } }), [counted([2, extent])])
        const expected = make([2, indices.length], (row, place) => row * extent + (indices[place] as number) + 1)
        expect([found.shape, found.toNumbers()]).toEqual([expected.shape, expected.data])
      }),
      { numRuns: 60 },
    )
  })

  it('slice undoes pad, concat undoes split, flip and transpose undo themselves', () => {
    fc.assert(
      fc.property(extents(2, 3), fc.nat(3), fc.nat(3), fc.nat(2), (shape, before, after, which) => {
        const axis = which % shape.length
        const extent = shape[axis] as number
        const x = counted(shape)
        const found = run(
          ([x]) => {
            const padded = pad(x as Tensor, { [axis]: [before, after] }, 7)
            const inner = slice(padded, { [axis]: { start: before, end: before + extent } })
            const parts = split(inner, extent > 1 ? [1, extent - 1] : [1], axis)
            return transpose(transpose(flip(flip(concat(parts, axis), [axis]), [axis])))
          },
          [x],
        )
        expect([found.shape, found.toNumbers()]).toEqual([shape, x.toNumbers()])
      }),
      runs,
    )
  })

  it('sorting is a permutation in order, and the end of a cumulative sum is the sum', () => {
    const values = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(values, (numbers) => {
        const x = NDArray.from(numbers)
        const ordered = run(([x]) => sort(x as Tensor).values, [x]).toNumbers()
        expect(ordered).toEqual(numbers.toSorted((a, b) => a - b))
        const sums = run(([x]) => cumulativeSum(x as Tensor), [x]).toNumbers()
        expect(sums.at(-1)).toBe(numbers.reduce((total, value) => total + value, 0))
      }),
      runs,
    )
  })
})

/** Places that Python's `range(extent)[start:end:step]` holds. */
function pythonSlice(extent: number, start: number | undefined, end: number | undefined, step: number): number[] {
  const clamp = (place: number, low: number, high: number) =>
    Math.min(Math.max(place < 0 ? place + extent : place, low), high)
  const places: number[] = []
  if (step > 0) {
    const last = end === undefined ? extent : clamp(end, 0, extent)
    for (let place = start === undefined ? 0 : clamp(start, 0, extent); place < last; place += step) places.push(place)
  } else {
    const last = end === undefined ? -1 : clamp(end, -1, extent - 1)
    for (let place = start === undefined ? extent - 1 : clamp(start, -1, extent - 1); place > last; place += step)
      places.push(place)
  }
  return places
}
