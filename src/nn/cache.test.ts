import { describe, expect, it } from 'vitest'
import { NDArray } from '../runtime/array.ts'
import { type ArrayTree, jit } from '../runtime/jit.ts'
import { kernelLibrary } from '../runtime/kernels.ts'
import { Variables } from '../runtime/variables.ts'
import {
  assign,
  cachedAttention,
  randomNormal,
  scaleBufferShape,
  streamKey,
  type Tensor,
  variable,
} from '../tensor/index.ts'
import { bufferShape, type Cache, type CacheEntry, CacheStep, placesFor, placesOf } from './cache.ts'

const [heads, keyHeads, width] = [4, 2, 8]
const layout: Readonly<Record<string, CacheEntry>> = {
  keys: { kind: 'keys', heads: keyHeads, width },
  values: { kind: 'values', heads: keyHeads, width },
  latent: { kind: 'vectors', width: 3 },
}

interface Step {
  readonly q: Tensor
  readonly k: Tensor
  readonly v: Tensor
  readonly vectors: Tensor
  readonly segments?: Tensor
  readonly cache: Cache
}

function step({ q, k, v, vectors, segments, cache }: Step) {
  const over = new CacheStep(cache, [q.shape[0] as number, q.shape[1] as number], segments)
  const layer = over.layer(0)
  return { mixed: layer.attend(q, k, v, { window: 9 }), latent: layer.append('latent', vectors), cache: over.updated }
}

/** The tokens of one sequence; place p of a sequence always has the same numbers. */
function tokens(sequence: number, from: number, count: number, name: string, shape: readonly number[]) {
  const size = shape.reduce((product, extent) => product * extent, 1)
  const key = streamKey(sequence, name)
  return Array.from({ length: count * size }, (_, index) => randomNormal(key, from * size + index))
}

interface Row {
  readonly sequence: number
  readonly past: number
  readonly count: number
  /** Padding in front. */
  readonly front?: number
}

function inputs(rows: readonly Row[], time: number) {
  const rowsOf = (name: string, shape: readonly number[]) => {
    const size = shape.reduce((product, extent) => product * extent, 1)
    const padding = (count: number) => Array.from({ length: count * size }, () => 1e3)
    const values = rows.flatMap(({ sequence, past, count, front = 0 }) => [
      ...padding(front),
      ...tokens(sequence, past, count, name, shape),
      ...padding(time - front - count),
    ])
    return NDArray.from(values, [rows.length, time, ...shape])
  }
  const segments = rows.flatMap(({ count, front = 0 }) =>
    Array.from({ length: time }, (_, at) => (at >= front && at < front + count ? 0n : -1n)),
  )
  return {
    q: rowsOf('q', [heads, width]),
    k: rowsOf('k', [keyHeads, width]),
    v: rowsOf('v', [keyHeads, width]),
    vectors: rowsOf('vectors', [3]),
    segments: NDArray.from(segments, [rows.length, time], 'i64'),
  }
}

type Layers = ArrayTree<Cache>['layers']

const empty = (slots: number, tokenCount: number): Layers => [
  Object.fromEntries(
    Object.entries(layout).map(([name, entry]) => [
      name,
      NDArray.zeros(bufferShape(entry, slots, placesFor(tokenCount)) as number[]),
    ]),
  ),
]

const integers = (values: readonly number[]) => NDArray.from(values.map(BigInt), [values.length], 'i64')
const forms = kernelLibrary().operators.size > 0 ? [false, true] : [false]

describe.each(forms)('a step over a cache (native kernels: %s)', (kernels) => {
  it('gives ragged rows in any slots what each sequence has alone', async () => {
    const run = jit(step, { kernels })
    // Three steps over four slots: sequences 5, 6 and 7 in slots 2, 0 and 3, begun, continued and ended in turns.
    const plan: readonly (readonly (Row & { slot: number })[])[] = [
      [
        { sequence: 5, slot: 2, past: 0, count: 5 },
        { sequence: 6, slot: 0, past: 0, count: 2, front: 3 },
      ],
      [
        { sequence: 7, slot: 3, past: 0, count: 7 },
        { sequence: 6, slot: 0, past: 2, count: 1 },
        { sequence: 5, slot: 2, past: 5, count: 3, front: 1 },
      ],
      [
        { sequence: 6, slot: 0, past: 3, count: 4 },
        { sequence: 5, slot: 2, past: 8, count: 11 },
      ],
    ]
    let layers = empty(4, 20)
    for (const rows of plan) {
      const time = Math.max(...rows.map(({ count, front = 0 }) => count + front)) + 1
      const cache = {
        lengths: integers(rows.map(({ past }) => past)),
        slots: integers(rows.map(({ slot }) => slot)),
        layers,
      }
      const found = await run.run({ ...inputs(rows, time), cache } as never)
      layers = found.cache.layers
      expect([...(found.cache.lengths.data as BigInt64Array)].map(Number)).toEqual(
        rows.map(({ past, count }) => past + count),
      )
      for (const [at, { sequence, past, count, front = 0 }] of rows.entries()) {
        const total = past + count
        const alone = await run.run({
          ...inputs([{ sequence, past: 0, count: total }], total),
          cache: { lengths: integers([0]), layers: empty(1, 20) },
        } as never)
        const size = heads * width
        const begin = (at * time + front) * size
        const mixed = (found.mixed.data as Float32Array).subarray(begin, begin + count * size)
        const expected = (alone.mixed.data as Float32Array).subarray(past * size, total * size)
        expect(Math.max(...mixed.map((value, index) => Math.abs(value - (expected[index] as number))))).toBeLessThan(
          1e-5,
        )
        const places = found.latent.shape[1] as number
        expect((found.latent.data as Float32Array).slice(at * places * 3, (at * places + total) * 3)).toEqual(
          (alone.latent.data as Float32Array).slice(0, total * 3),
        )
      }
    }
    run.dispose()
  })
})

describe.runIf(forms.includes(true))('buffers that are assigned their own update', () => {
  const entry = { heads: keyHeads, width } as const
  const kept = (name: 'keys' | 'values', dtype: 'f32' | 'f16' | 'i8') =>
    variable(name, { dtype, shape: bufferShape({ kind: name, ...entry }, 3, 32) })
  const scalesOf = (name: string) =>
    variable(`${name} scales`, { dtype: 'f32', shape: scaleBufferShape(3, 32, keyHeads) })

  /** Four tokens of one sequence in slot 1, one after the other. */
  async function steps(dtype: 'f32' | 'f16' | 'i8', kernels = true) {
    const variables = new Variables(0)
    const run = jit(
      ({ q, k, v, lengths, slots }: Record<'q' | 'k' | 'v' | 'lengths' | 'slots', Tensor>) => {
        const [keys, values] = [kept('keys', dtype), kept('values', dtype)]
        const scales = dtype === 'i8' ? { keys: scalesOf('keys'), values: scalesOf('values') } : undefined
        const after = cachedAttention(q, k, v, keys, values, { lengths, slots, scales })
        assign(keys, after.keys)
        assign(values, after.values)
        if (scales && after.scales) {
          assign(scales.keys, after.scales.keys)
          assign(scales.values, after.scales.values)
        }
        return after.mixed
      },
      { variables, kernels },
    )
    const arrays: (NDArray | undefined)[] = []
    const names = () =>
      ['keys', 'values', 'keys scales', 'values scales'].map((name) => variables.get(name)?.toNumbers())
    const mixed: number[] = []
    for (const past of [0, 1, 2, 3]) {
      const { q, k, v } = inputs([{ sequence: 9, past, count: 1 }], 1)
      mixed.push(...(await run.run({ q, k, v, lengths: integers([past]), slots: integers([1]) })).toNumbers())
      arrays.push(variables.get('keys'))
    }
    run.dispose()
    return { arrays, mixed, kept: names() }
  }

  it('are written in place', async () => {
    const { arrays } = await steps('f32')
    expect(new Set(arrays).size).toBe(1)
    const taken = (arrays[0] as NDArray).toNumbers().filter((value) => value !== 0)
    expect(taken.length).toBe(4 * keyHeads * width)
  })

  it('may be f16: half the memory, results to within its rounding', async () => {
    const [single, half] = [await steps('f32'), await steps('f16')]
    const gaps = single.mixed.map((value, at) => Math.abs(value - (half.mixed[at] as number)))
    expect(Math.max(...gaps)).toBeGreaterThan(0)
    expect(Math.max(...gaps)).toBeLessThan(4e-3)
  })

  it('may be int8 with a scale for each head and place, the same codes with kernels and without', async () => {
    const [single, coded, plain] = [await steps('f32'), await steps('i8'), await steps('i8', false)]
    const gap = (left: readonly number[], right: readonly number[]) =>
      Math.max(...left.map((value, at) => Math.abs(value - (right[at] as number))))
    expect(gap(single.mixed, coded.mixed)).toBeLessThan(4e-2)
    expect(gap(plain.mixed, coded.mixed)).toBeLessThan(1e-5)
    expect(coded.kept.slice(0, 2)).toEqual(plain.kept.slice(0, 2))
    for (const at of [2, 3]) expect(gap(coded.kept[at] ?? [], plain.kept[at] ?? [])).toBeLessThan(1e-6)
    expect(Math.max(...(coded.kept[0] ?? []).map(Math.abs))).toBe(127)
  })
})

describe('the places of a cache', () => {
  it('come in blocks of sixteen, and are known from keys and values as from vectors', () => {
    expect([1, 16, 17].map(placesFor)).toEqual([16, 16, 32])
    const tensors = jit(({ values, latent }: { values: Tensor; latent: Tensor }) => {
      const lengths = values
      expect(placesOf({ lengths, layers: [{ values }] })).toBe(32)
      expect(placesOf({ lengths, layers: [{ latent }] })).toBe(48)
      expect(placesOf({ lengths, layers: [] })).toBe(0)
      return values
    })
    tensors.runSync({ values: NDArray.zeros([1, 2, 32, 4]), latent: NDArray.zeros([1, 48, 4]) })
    tensors.dispose()
  })
})
