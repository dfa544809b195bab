/*
 * Times attention over a cache of compressed vectors, layers one after the other as in a step of generation: the native
 * kernel beside its composite, 16 heads over vectors of 512 + 64 features (DeepSeek-V2-Lite), 550 places taken of 640.
 *   npx tsx bench/kernels/latent.ts [--json] [--threads 2] [--seconds 1] [--layers 8]
 */
import { parseArgs } from 'node:util'
import { NDArray } from '../../src/runtime/array.ts'
import { jit } from '../../src/runtime/jit.ts'
import { kernelLibrary } from '../../src/runtime/kernels.ts'
import { Variables } from '../../src/runtime/variables.ts'
import { assign, cachedLatentAttention, concat, slice, type Tensor, variable } from '../../src/tensor/index.ts'
import { floats } from './arrays.ts'

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    threads: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '1' },
    layers: { type: 'string', default: '8' },
  },
})
const [threads, layers] = [Number(options.threads), Number(options.layers)]
const [heads, width, valueWidth, places, past] = [16, 576, 512, 640, 550]

const whole = (value: number, count: number) => NDArray.from(Array(count).fill(BigInt(value)), [count], 'i64')

/** A step of `batch` rows of `time` tokens; returns the function that runs it, and what frees its memory. */
function side(batch: number, time: number, dtype: 'f32' | 'f16', kernels: boolean) {
  const variables = new Variables()
  for (let layer = 0; layer < layers; layer++) {
    const array = NDArray.zeros([batch, places, width], dtype)
    // 0.5 in f16; f32 made of such bits is a small number too.
    new Uint16Array(array.bytes.buffer, array.bytes.byteOffset, array.byteLength / 2).fill(0x3800)
    variables.set(`vectors.${layer}`, array)
  }
  const compiled = jit(
    ({ q, rows, lengths }: Readonly<Record<'q' | 'rows' | 'lengths', Tensor>>) => {
      let query = q
      for (let layer = 0; layer < layers; layer++) {
        const vectors = variable(`vectors.${layer}`, { dtype, shape: [batch, places, width] })
        const attended = cachedLatentAttention(query, rows, vectors, { lengths, scale: 0.07, valueWidth })
        assign(vectors, attended.vectors)
        query = concat([attended.mixed, slice(q, { 3: { start: valueWidth } })], 3)
      }
      return query
    },
    { threads, variables, kernels, reuseOutputs: true },
  )
  const inputs = {
    q: floats([batch, time, heads, width]),
    rows: floats([batch, time, width]),
    lengths: whole(past, batch),
  }
  const dispose = () => {
    compiled.dispose()
    for (const name of variables.names) variables.get(name)?.dispose()
    for (const array of Object.values(inputs)) array.dispose()
  }
  return { run: () => compiled.runSync(inputs), dispose }
}

const lines: Record<string, number | string>[] = []
if (!options.json)
  console.log(`path ${kernelLibrary().instructions}, ${threads} threads, microseconds a layer (best, median)`)
for (const [batch, time] of [
  [1, 1],
  [4, 1],
  [16, 1],
  [1, 64],
] as const) {
  const sides = [side(batch, time, 'f16', true), side(batch, time, 'f32', true), side(batch, time, 'f32', false)]
  const times = sides.map((): number[] => [])
  for (const { run } of sides) run()
  const end = performance.now() + 1000 * Number(options.seconds)
  for (let round = 0; round < 5 || performance.now() < end; round++) {
    for (const [at, { run }] of sides.entries()) {
      const start = performance.now()
      run()
      times[at]?.push((1000 * (performance.now() - start)) / layers)
    }
  }
  const found = times.map((own) => {
    const sorted = own.sort((a, b) => a - b)
    return { best: sorted[0] as number, median: sorted[sorted.length >> 1] as number }
  })
  const [half, single, composite] = found as [(typeof found)[0], (typeof found)[0], (typeof found)[0]]
  lines.push({ batch, time, f16_us: half.best, f32_us: single.best, composite_us: composite.best })
  const pair = ({ best, median }: { best: number; median: number }) => `${best.toFixed(0)}, ${median.toFixed(0)}`
  if (!options.json)
    console.log(
      `batch ${batch}, ${time} tokens: f16 ${pair(half)}  f32 ${pair(single)}  composite f32 ${pair(composite)}  ` +
        `${(composite.best / single.best).toFixed(1)}×`,
    )
  for (const { dispose } of sides) dispose()
}
if (options.json) console.log(JSON.stringify({ path: kernelLibrary().instructions, threads, layers, lines }))
