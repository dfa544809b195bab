/*
 * Times products with quantised weights beside ONNX Runtime's own (MatMulNBits, int8 activations; DynamicQuantizeMatMul, int8
 * on both sides with a scale for each column and one for all of x), in turns in one process.
 *   npx tsx bench/kernels/quantised.ts [--json] [--type Q4_1] [--threads 2] [--seconds 0.5] [--rows 1,4,16,512]
 */
import { parseArgs } from 'node:util'
import { NDArray } from '../../src/runtime/array.ts'
import { jit } from '../../src/runtime/jit.ts'
import { kernelLibrary } from '../../src/runtime/kernels.ts'
import { OnnxModel } from '../../src/runtime/onnx/model.ts'
import { packedArray, packRows } from '../../src/runtime/pack.ts'
import { createSessionSync } from '../../src/runtime/session.ts'
import { matmulQuantised, type QuantisedType, quantisedTypes, type Tensor } from '../../src/tensor/index.ts'
import { floats } from './arrays.ts'

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    type: { type: 'string', default: 'Q4_1' },
    threads: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '0.5' },
    rows: { type: 'string', default: '1,4,16,512' },
  },
})
const threads = Number(options.threads)
const type = quantisedTypes.find((known) => known === options.type) as QuantisedType
if (!['Q4_0', 'Q4_1', 'Q8_0', 'BF16'].includes(type)) throw new Error('--type takes Q4_0, Q4_1, Q8_0 or BF16')

/** Depth and width of the products of SmolLM2-135M: queries, keys and values; gate and up; down; the head. */
const shapes = [
  [576, 960],
  [576, 3072],
  [1536, 576],
  [576, 49152],
] as const
const rowCounts = options.rows.split(',').map(Number)

/** MatMulNBits with weights of the same size, as a function to be timed. */
function stock(rows: number, K: number, N: number, x: NDArray): () => void {
  const bits = type === 'Q8_0' ? 8 : 4
  const model = new OnnxModel()
  model.input('x', 'f32', [rows, K])
  const codes = NDArray.zeros([N, K / 32, 4 * bits], 'u8')
  codes.data.forEach((_, index, bytes) => {
    bytes[index] = (index * 7919) % 256
  })
  const scales = NDArray.zeros([N, K / 32])
  scales.data.fill(0.01)
  model.initializer('codes', 'u8', codes.shape, codes.bytes)
  model.initializer('scales', 'f32', scales.shape, scales.bytes)
  model.node({
    operator: 'MatMulNBits',
    domain: 'com.microsoft',
    inputs: ['x', 'codes', 'scales'],
    outputs: ['y'],
    attributes: { K, N, bits, block_size: 32, accuracy_level: 4 },
  })
  model.output('y', 'f32', [rows, N])
  const session = createSessionSync(model.encode(), { threads })
  const y = NDArray.zeros([rows, N])
  return () => session.runSync({ x }, { y })
}

/** Signed int8 on both sides, as whole numbers from end to end: what smoothed W8A8 would run on. */
function wholeNumbers(rows: number, K: number, N: number, x: NDArray): () => void {
  const model = new OnnxModel()
  model.input('x', 'f32', [rows, K])
  const weights = NDArray.zeros([K, N], 'i8')
  weights.data.forEach((_, index, bytes) => {
    bytes[index] = ((index * 7919) % 255) - 127
  })
  const scales = NDArray.zeros([N])
  scales.data.fill(0.01)
  model.initializer('weights', 'i8', weights.shape, weights.bytes)
  model.initializer('scales', 'f32', scales.shape, scales.bytes)
  model.node({
    operator: 'DynamicQuantizeMatMul',
    domain: 'com.microsoft',
    inputs: ['x', 'weights', 'scales'],
    outputs: ['y'],
    attributes: {},
  })
  model.output('y', 'f32', [rows, N])
  const session = createSessionSync(model.encode(), { threads })
  const y = NDArray.zeros([rows, N])
  return () => session.runSync({ x }, { y })
}

async function kernel(rows: number, K: number, N: number, x: NDArray): Promise<() => void> {
  const shape = { type, rows: N, columns: K }
  const packed = packedArray(shape)
  const weights = floats([N, K])
  await packRows(packed, shape, { bytes: weights.bytes, floats: true, first: 0, count: N })
  weights.dispose()
  const phase = rows > 16 ? 'prefill' : 'decode'
  const compiled = jit(
    (inputs: { readonly x: Tensor; readonly packed: Tensor }) =>
      matmulQuantised(inputs.x, [{ packed: inputs.packed, type, rows: N }], { phase }),
    { threads, reuseOutputs: true },
  )
  return () => compiled.runSync({ x, packed })
}

interface Timing {
  readonly best: number
  readonly median: number
}

/** The best and the median time of each in milliseconds, taken in turns. */
function measure(sides: readonly (() => void)[]): Timing[] {
  const times = sides.map((): number[] => [])
  for (const run of sides) run()
  const end = performance.now() + 1000 * Number(options.seconds)
  for (let round = 0; round < 5 || performance.now() < end; round++) {
    sides.forEach((run, side) => {
      const start = performance.now()
      run()
      times[side]?.push(performance.now() - start)
    })
  }
  return times.map((own) => {
    const sorted = own.sort((a, b) => a - b)
    return { best: sorted[0] as number, median: sorted[sorted.length >> 1] as number }
  })
}

const lines: Record<string, number | string>[] = []
if (!options.json) console.log(`${type}, path ${kernelLibrary().instructions}, ${threads} threads, microseconds`)
for (const [K, N] of shapes) {
  for (const rows of rowCounts) {
    const x = floats([rows, K])
    const sides = [await kernel(rows, K, N, x), stock(rows, K, N, x), wholeNumbers(rows, K, N, x)]
    const [own, other, whole] = measure(sides) as [Timing, Timing, Timing]
    const rate = (rows * K * N) / own.best / 1e6
    const line = { rows, K, N, kernel_us: own.best * 1000, stock_us: other.best * 1000, ratio: other.best / own.best }
    lines.push({
      ...line,
      w8a8_us: whole.best * 1000,
      kernel_median_us: own.median * 1000,
      stock_median_us: other.median * 1000,
      gigamacs: rate,
    })
    if (options.json) continue
    const number = (value: number, digits = 1) => value.toFixed(digits).padStart(9)
    console.log(
      `${String(rows).padStart(4)} × ${K} × ${String(N).padEnd(6)}${number(own.best * 1000)} (median ${number(own.median * 1000)})  ` +
        `MatMulNBits ${number(other.best * 1000)} ${number(other.best / own.best, 2)}×  ` +
        `W8A8 ${number(whole.best * 1000)} ${number(whole.best / own.best, 2)}×  ${number(rate)} GMAC/s`,
    )
  }
}
if (options.json) console.log(JSON.stringify({ type, path: kernelLibrary().instructions, threads, lines }))
