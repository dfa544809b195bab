import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { codesOfBlocks } from '../checkpoint/ggml/codes.ts'
import { openCheckpoint } from '../checkpoint/open.ts'
import { logitsOf, Scope } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { jit } from '../runtime/jit.ts'
import { canPack, packedArray, packRows } from '../runtime/pack.ts'
import { Program } from '../runtime/program.ts'
import {
  decodeStock,
  dequantise,
  gatherElements,
  gatherQuantised,
  logSoftmax,
  mean,
  negate,
  quantisedTypes,
  quantiseProducts,
  reshape,
  type Tensor,
  trace,
} from '../tensor/index.ts'
import { loadModel } from './load.ts'
import { loadQuantised, type QuantisedModel } from './load-quantised.ts'
import { openReference } from './testing/fixture.ts'

const types = fileURLToPath(new URL('../checkpoint/gguf/fixtures/types.gguf', import.meta.url))
const smollm2 = fileURLToPath(
  new URL('../../.cache/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf', import.meta.url),
)
const [rows, columns] = [2, 256]

describe.runIf(canPack())('packed weights', () => {
  it.each(quantisedTypes.filter((type) => type !== 'BF16'))(
    'of the type %s hold the numbers that the file holds',
    async (type) => {
      await using checkpoint = await openCheckpoint(types)
      const shape = { type, rows, columns }
      const packed = packedArray(shape)
      const bytes = await checkpoint.read(`types.${type}`)
      await packRows(packed, shape, { bytes, floats: false, first: 0, count: rows })
      const expected = [...(await checkpoint.readFloat32(`types.${type}`))]
      const ids = NDArray.from([1n, 0n], [2], 'i64')
      for (const kernels of [true, false]) {
        using run = jit(
          (inputs: { readonly packed: Tensor; readonly ids: Tensor }) => ({
            rows: gatherQuantised(inputs.packed, shape, inputs.ids),
            all: dequantise(inputs.packed, shape),
          }),
          { kernels },
        )
        const found = run.runSync({ packed, ids })
        const turned = [...found.rows.toNumbers().slice(columns), ...found.rows.toNumbers().slice(0, columns)]
        for (const numbers of [turned, found.all.toNumbers()]) {
          const gap = Math.max(...numbers.map((value, at) => Math.abs(value - (expected[at] as number))))
          expect(gap, kernels ? 'kernel' : 'stock').toBeLessThan(1e-6 * Math.max(...expected.map(Math.abs)))
        }
      }
    },
  )

  it.each([
    ['Q4_0', 4],
    ['Q4_1', 4],
    ['Q4_K', 4],
    ['Q8_0', 8],
  ] as const)('of the type %s become codes of %d bits without a loss', async (type, bits) => {
    await using checkpoint = await openCheckpoint(types)
    const { codes, scales, offsets } = codesOfBlocks(type, await checkpoint.read(`types.${type}`), rows * columns)
    const size = [rows, columns / 32]
    using run = jit((inputs: { readonly codes: Tensor; readonly scales: Tensor; readonly offsets: Tensor }) =>
      decodeStock({ ...inputs, bits }),
    )
    const found = run.runSync({
      codes: NDArray.from(codes, [...size, 4 * bits], 'u8'),
      scales: NDArray.from(scales, size),
      offsets: offsets ? NDArray.from(offsets, size) : NDArray.zeros(size),
    })
    const expected = [...(await checkpoint.readFloat32(`types.${type}`))]
    const gap = Math.max(...found.toNumbers().map((value, at) => Math.abs(value - (expected[at] as number))))
    expect(gap).toBeLessThan(2e-6 * Math.max(...expected.map(Math.abs)))
  })

  it('of bf16 hold the nearest numbers to those in f32', async () => {
    const shape = { type: 'BF16', rows: 20, columns: 64 } as const
    const values = Float32Array.from({ length: 20 * 64 }, (_, at) =>
      at === 7 ? 0 : Math.sin(at * 1.7) * 10 ** ((at % 13) - 6),
    )
    const packed = packedArray(shape)
    const source = NDArray.from(values)
    await packRows(packed, shape, { bytes: source.bytes, floats: true, first: 0, count: 20 })
    using run = jit((inputs: { readonly packed: Tensor; readonly ids: Tensor }) => ({
      rows: gatherQuantised(inputs.packed, shape, inputs.ids),
      all: dequantise(inputs.packed, shape),
    }))
    const ids = NDArray.from([...Array(20).keys()].map(BigInt), [20], 'i64')
    const { rows, all } = run.runSync({ packed, ids })
    const expected = NDArray.from(values, [20, 64], 'bf16').toNumbers()
    expect(rows.toNumbers()).toEqual(expected)
    expect(all.toNumbers()).toEqual(expected)
  })

  it('refuse bytes of another length', async () => {
    const shape = { type: 'Q4_1', rows: 16, columns: 64 } as const
    const source = { bytes: new Uint8Array(100), floats: false, first: 0, count: 16 }
    await expect(packRows(packedArray(shape), shape, source)).rejects.toMatchObject({ code: 'pack-failed' })
    expect(() => packedArray({ ...shape, columns: 33 })).toThrow(expect.objectContaining({ code: 'bad-attribute' }))
  })
})

const titled = existsSync(smollm2) ? 'SmolLM2' : 'SmolLM2: skipped, not in .cache/models (npm run fetch:smollm2)'

describe.runIf(canPack() && existsSync(smollm2))(titled, () => {
  const tokens = [1n, 4093n, 260n, 1743n, 282n, 4649n, 314n, 260n, 3575n, 282n, 260n, 905n, 28n, 284n]
  const integers = (values: readonly bigint[]) => NDArray.from(values, [1, values.length], 'i64')
  const positions = integers(tokens.map((_, at) => BigInt(at)))

  async function logits({ model, variables, stored }: QuantisedModel): Promise<Float32Array> {
    const type = { dtype: 'i64', shape: [1, tokens.length] } as const
    const { graph } = trace(
      (inputs: { readonly ids: Tensor; readonly positions: Tensor }) => {
        const scope = new Scope()
        return { logits: logitsOf(model.head(scope, model.forward(scope, inputs).hidden)) }
      },
      { ids: type, positions: type },
    )
    using program = await Program.compile(quantiseProducts(graph, stored), variables)
    const [result] = await program.run([integers(tokens), positions])
    return Float32Array.from((result as NDArray<'f32'>).data)
  }

  it('gives real text the perplexity of f32 within 0.5 %', async () => {
    await using checkpoint = await openCheckpoint(smollm2)
    await using reference = await openReference({ name: 'smollm2' })
    const [ids, expected] = [await reference.integers('input_ids'), await reference.floats('log_probabilities')]
    const [texts, width] = ids.shape as [number, number]
    const { model, variables, stored } = await loadQuantised(checkpoint)
    const matrix = { dtype: 'i64', shape: [1, width - 1] } as const
    const { graph } = trace(
      ({ next, ...inputs }: Readonly<Record<'ids' | 'positions' | 'next', Tensor>>) => {
        const scope = new Scope()
        const logits = logitsOf(model.head(scope, model.forward(scope, inputs).hidden))
        const logP = logSoftmax(reshape(logits, [-1, model.vocabulary]))
        return { loss: mean(negate(gatherElements(logP, reshape(next, [-1, 1])))) }
      },
      { ids: matrix, positions: matrix, next: matrix },
    )
    using program = await Program.compile(quantiseProducts(graph, stored, 'prefill'), variables)
    const losses: number[] = []
    for (let text = 0; text < texts; text++) {
      const tokens = (ids.data as BigInt64Array).slice(text * width, (text + 1) * width)
      const places = integers([...tokens.keys()].slice(1).map((at) => BigInt(at - 1)))
      const [loss] = await program.run([integers([...tokens.slice(0, -1)]), places, integers([...tokens.slice(1)])])
      losses.push(loss?.toNumbers()[0] as number)
    }
    const own = losses.reduce((sum, loss) => sum + loss, 0) / texts
    const theirs = -expected.reduce((sum, value) => sum + value, 0) / expected.length
    console.log(
      `SmolLM2 in its own blocks: perplexity ${Math.exp(own).toFixed(3)}, in f32 ${Math.exp(theirs).toFixed(3)}`,
    )
    expect(Math.abs(Math.exp(own - theirs) - 1)).toBeLessThan(0.005)
    variables.dispose()
  })

  const relativeError = (found: Float32Array, expected: Float32Array): number => {
    let [difference, size] = [0, 0]
    for (const [at, value] of expected.entries()) {
      difference += ((found[at] as number) - value) ** 2
      size += value ** 2
    }
    return Math.sqrt(difference / size)
  }

  it('runs with the blocks of its file, or quantised while it is read, near the same weights in f32', async () => {
    await using checkpoint = await openCheckpoint(smollm2)
    const plain = await loadModel(checkpoint)
    const expected = await logits({ ...plain, stored: new Map() })
    // Bytes a weight, and the relative error of the logits. The file keeps its embedding in Q8_0.
    const bounds = [
      ['file', true, 0.73, 0.05],
      ['int8', true, 1.08, 0.05],
      ['int4', true, 0.64, 0.1],
      ['bf16', true, 2.01, 0.01],
      // By ONNX Runtime's own operator, whose scales and offsets are f32.
      ['file', false, 0.89, 0.05],
    ] as const
    for (const [precision, kernels, most, bound] of bounds) {
      const loaded = await loadQuantised(checkpoint, { precision, kernels })
      const bytes = loaded.variables.names.reduce((sum, name) => sum + (loaded.variables.get(name)?.byteLength ?? 0), 0)
      expect(bytes / 134.5e6, precision).toBeLessThan(most)
      expect(relativeError(await logits(loaded), expected), precision).toBeLessThan(bound)
      loaded.variables.dispose()
    }
    plain.variables.dispose()
  })
})
