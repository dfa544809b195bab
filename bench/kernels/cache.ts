/*
 * Times attention over a cache, 30 layers one after the other as in a step of generation, beside ONNX Runtime's
 * GroupQueryAttention: 9 heads of width 64 over 3 key-value heads (SmolLM2-135M), 550 places taken of 640.
 *   npx tsx bench/kernels/cache.ts [--json] [--only f16] [--threads 2] [--seconds 1]
 */
import { parseArgs } from 'node:util'
import { NDArray } from '../../src/runtime/array.ts'
import { type Jit, jit } from '../../src/runtime/jit.ts'
import { kernelLibrary } from '../../src/runtime/kernels.ts'
import { OnnxModel } from '../../src/runtime/onnx/model.ts'
import { createSessionSync } from '../../src/runtime/session.ts'
import { Variables } from '../../src/runtime/variables.ts'
import {
  assign,
  cachedAttention,
  constant,
  keyBufferShape,
  type Shape,
  scaleBufferShape,
  type Tensor,
  valueBufferShape,
  variable,
} from '../../src/tensor/index.ts'

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    threads: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '1' },
  },
})

const [layers, heads, keyHeads, width, places] = [30, 9, 3, 64, 640]
const threads = Number(options.threads)

type Kept = 'f32' | 'f16' | 'i8'

/** A step: how many rows, how many tokens each, over how many before. */
interface Step {
  readonly batch: number
  readonly time: number
  readonly past: number
}

interface Timed {
  readonly name: string
  run(): void
  dispose(): void
}

const tables = () => {
  const values = (of: (angle: number) => number) =>
    Float32Array.from({ length: (places * width) / 2 }, (_, at) => {
      const pair = at % (width / 2)
      return of(Math.floor(at / (width / 2)) * 10000 ** ((-2 * pair) / width))
    })
  return { cos: values(Math.cos), sin: values(Math.sin) }
}

/** Numbers of a few thousand, over and over: no page of memory is left untouched. */
function filled(shape: readonly number[], dtype: Kept = 'f32'): NDArray {
  const array = NDArray.zeros(shape, dtype)
  const period = Math.min(array.size, 4096)
  const pattern = NDArray.from(
    Float32Array.from({ length: period }, (_, at) => (dtype === 'i8' ? 100 : 1) * Math.sin(at)),
    [period],
    dtype,
  )
  array.bytes.set(pattern.bytes)
  for (let done = pattern.byteLength; done < array.byteLength; done *= 2)
    array.bytes.copyWithin(done, 0, Math.min(done, array.byteLength - done))
  return array
}

const whole = (values: number[], shape: readonly number[]) => NDArray.from(values.map(BigInt), shape, 'i64')

function ours({ batch, time, past }: Step, dtype: Kept): Timed {
  const shape = [places, width / 2]
  const variables = new Variables()
  const body = ({ q, k, v, lengths, positions }: Record<'q' | 'k' | 'v' | 'lengths' | 'positions', Tensor>) => {
    const { cos, sin } = tables()
    const rotary = { cos: constant(cos, { shape }), sin: constant(sin, { shape }), positions }
    let x = q
    for (let layer = 0; layer < layers; layer++) {
      const buffer = (name: string, extents: Shape, kept = dtype) => {
        variables.set(`${layer}.${name}`, filled(extents as readonly number[], kept))
        return variable(`${layer}.${name}`, { dtype: kept, shape: extents })
      }
      const scale = (name: string) => buffer(name, scaleBufferShape(batch, places, keyHeads), 'f32')
      const scales = dtype === 'i8' ? { keys: scale('keyScales'), values: scale('valueScales') } : undefined
      const keys = buffer('keys', keyBufferShape(batch, places, keyHeads, width))
      const values = buffer('values', valueBufferShape(batch, places, keyHeads, width))
      const after = cachedAttention(x, k, v, keys, values, { lengths, rotary, scales })
      assign(keys, after.keys)
      assign(values, after.values)
      if (scales && after.scales) {
        assign(scales.keys, after.scales.keys)
        assign(scales.values, after.scales.values)
      }
      x = after.mixed
    }
    return x
  }
  const compiled: Jit<Parameters<typeof body>[0], Tensor> = jit(body, { threads, variables, reuseOutputs: true })
  const inputs = {
    q: filled([batch, time, heads, width]),
    k: filled([batch, time, keyHeads, width]),
    v: filled([batch, time, keyHeads, width]),
    lengths: whole(Array(batch).fill(past), [batch]),
    positions: whole(
      Array.from({ length: batch * time }, (_, at) => past + (at % time)),
      [batch, time],
    ),
  }
  const dispose = () => {
    compiled.dispose()
    variables.dispose()
  }
  return { name: `CachedAttention ${dtype}`, run: () => compiled.runSync(inputs), dispose }
}

function groupQueryAttention({ batch, time, past }: Step): Timed {
  const model = new OnnxModel()
  const feeds: Record<string, NDArray> = {}
  const fetches: Record<string, NDArray> = {}
  const feed = (name: string, array: NDArray) => {
    feeds[name] = array
    model.input(name, array.dtype, array.shape)
    return name
  }
  const rows = (name: string, count: number) => feed(name, filled([batch, time, count * width]))
  const [q, k, v] = [rows('q', heads), rows('k', keyHeads), rows('v', keyHeads)]
  const int = (name: string, values: number[], shape: number[]) => feed(name, NDArray.from(values, shape, 'i32'))
  const lengths = int('lengths', Array(batch).fill(past + time - 1), [batch])
  const total = int('total', [past + time], [1])
  const { cos, sin } = tables()
  const bytes = (values: Float32Array) => new Uint8Array(values.buffer)
  model.initializer('cos', 'f32', [places, width / 2], bytes(cos))
  model.initializer('sin', 'f32', [places, width / 2], bytes(sin))
  let x = q
  for (let layer = 0; layer < layers; layer++) {
    const shape = [batch, keyHeads, places, width]
    const [keys, values] = [feed(`${layer}.keys`, filled(shape)), feed(`${layer}.values`, filled(shape))]
    const outputs = [`${layer}.y`, `${layer}.newKeys`, `${layer}.newValues`]
    model.node({
      operator: 'GroupQueryAttention',
      domain: 'com.microsoft',
      inputs: [x, k, v, keys, values, lengths, total, 'cos', 'sin'],
      outputs,
      attributes: { num_heads: heads, kv_num_heads: keyHeads, do_rotary: 1 },
    })
    for (const [name, array] of [
      [outputs[1], feeds[keys]],
      [outputs[2], feeds[values]],
    ] as const) {
      model.output(name as string, 'f32', shape)
      fetches[name as string] = array as NDArray
    }
    x = outputs[0] as string
  }
  model.output(x, 'f32', [batch, time, heads * width])
  const session = createSessionSync(model.encode(), { threads })
  const bound = session.bind(feeds, fetches)
  return {
    name: 'GroupQueryAttention f32',
    run: () => bound.runSync(),
    dispose: () => {
      bound.dispose()
      session.dispose()
    },
  }
}

const steps: readonly Step[] = [
  { batch: 1, time: 1, past: 550 },
  { batch: 4, time: 1, past: 550 },
  { batch: 16, time: 1, past: 550 },
  { batch: 1, time: 512, past: 0 },
  { batch: 1, time: 4, past: 550 },
]

const { path, instructions, reason } = kernelLibrary()
if (!path) throw new Error(`There are no kernels to measure: ${reason}`)
if (!options.json) console.log(`path ${instructions}, ${threads} threads, ${layers} layers`)
const lines: object[] = []
for (const step of steps) {
  const sides = [
    () => groupQueryAttention(step),
    () => ours(step, 'f32'),
    () => ours(step, 'f16'),
    () => ours(step, 'i8'),
  ]
    .map((make) => make())
    .filter(({ name }) => name.includes(options.only))
  const times = sides.map((): number[] => [])
  for (const side of sides) side.run()
  // In turns of some runs: the threads of a session that waits still spin for a while.
  for (let turn = 0; turn < 5; turn++) {
    for (const [at, side] of sides.entries()) {
      const end = performance.now() + 200 * Number(options.seconds)
      for (let round = 0; round < 3 || performance.now() < end; round++) {
        const start = performance.now()
        side.run()
        times[at]?.push(performance.now() - start)
      }
    }
  }
  for (const [at, { name, dispose }] of sides.entries()) {
    const sorted = times[at]?.sort((left, right) => left - right) as number[]
    const [best, median] = [sorted[0] as number, sorted[sorted.length >> 1] as number]
    const bytes =
      layers *
      step.batch *
      (step.past + step.time) *
      keyHeads *
      width *
      2 *
      (name.endsWith('f16') ? 2 : name.endsWith('i8') ? 1 : 4)
    lines.push({ ...step, name, best_ms: best, median_ms: median, gigabytes_per_second: bytes / best / 1e6 })
    const { batch, time, past } = step
    if (!options.json)
      console.log(
        `${`${batch} × ${time} over ${past}`.padEnd(18)}${name.padEnd(26)}${best.toFixed(2).padStart(8)} ms (median ` +
          `${median.toFixed(2)})${(bytes / best / 1e6).toFixed(1).padStart(8)} GB/s`,
      )
    dispose()
  }
}
if (options.json) console.log(JSON.stringify({ path: instructions, threads, layers, lines }, undefined, 2))
