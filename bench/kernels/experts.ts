/*
 * Times feed-forward layers of experts with quantised weights, routing included, beside dense layers of equal active size,
 * in turns in one process. Each token of a step takes another one of several random inputs, so that it meets other experts.
 *   npx tsx bench/kernels/experts.ts [--json] [--type Q4_1] [--threads 2] [--seconds 0.5] [--batch 1,4,16,256]
 */
import { parseArgs } from 'node:util'
import { gatedFeedForward, mixture, Scope, softmaxRouting } from '../../src/nn/index.ts'
import type { NDArray } from '../../src/runtime/array.ts'
import { kernelLibrary } from '../../src/runtime/kernels.ts'
import { packedArray, packRows } from '../../src/runtime/pack.ts'
import { Program } from '../../src/runtime/program.ts'
import { Variables } from '../../src/runtime/variables.ts'
import {
  add,
  expertStacks,
  type QuantisedType,
  quantisableVariables,
  quantisedTypes,
  quantiseProducts,
  type StoredMatrix,
  type Tensor,
  trace,
} from '../../src/tensor/index.ts'
import { floats } from './arrays.ts'

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    type: { type: 'string', default: 'Q4_1' },
    threads: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '0.5' },
    batch: { type: 'string', default: '1,4,16,256' },
  },
})
const threads = Number(options.threads)
const type = quantisedTypes.find((known) => known === options.type) as QuantisedType
if (!['Q4_0', 'Q4_1', 'Q8_0'].includes(type)) throw new Error('--type takes Q4_0, Q4_1 or Q8_0')

interface Sizes {
  readonly name: string
  /** Layers one after the other: what is read does not fit the caches. */
  readonly layers: number
  readonly width: number
  readonly hidden: number
  readonly experts: number
  readonly chosen: number
}

const models: readonly Sizes[] = [
  { name: 'small', layers: 8, width: 512, hidden: 256, experts: 16, chosen: 2 },
  { name: 'OLMoE-1B-7B', layers: 2, width: 2048, hidden: 1024, experts: 64, chosen: 8 },
  { name: 'Qwen3-30B-A3B, half of its experts', layers: 2, width: 2048, hidden: 768, experts: 64, chosen: 8 },
]

type Layer = (scope: Scope, x: Tensor, sizes: Sizes) => Tensor

const sparse: Layer = (scope, x, { experts, chosen, hidden }) => {
  const routing = softmaxRouting(scope.child('gate'), x, { experts, chosen, normalised: true })
  return mixture(scope.child('experts'), x, routing, experts, { hidden })
}
const dense: Layer = (scope, x, { hidden, chosen }) => gatedFeedForward(scope, x, { hidden: hidden * chosen })

/** One packed matrix, as often as a stack has experts. */
async function packed(shape: StoredMatrix): Promise<NDArray> {
  const count = shape.stack?.count ?? 1
  const weights = floats([shape.rows, shape.columns])
  const array = packedArray(shape, count)
  await packRows(array, shape, { bytes: weights.bytes, floats: true, first: 0, count: shape.rows })
  const size = array.byteLength / count
  for (let matrix = 1; matrix < count; matrix++) array.bytes.copyWithin(matrix * size, 0, size)
  weights.dispose()
  return array
}

async function compile(layer: Layer, sizes: Sizes, batch: number, variables: Variables): Promise<Program> {
  const { graph } = trace(
    ({ x }: { readonly x: Tensor }) => {
      let y = x
      for (let at = 0; at < sizes.layers; at++) y = add(y, layer(new Scope().child(String(at)), y, sizes))
      return { y }
    },
    { x: { dtype: 'f32', shape: [batch, sizes.width] } } as const,
  )
  const shapes = new Map(graph.inputs.map((tensor) => [String(tensor.node.attributes.name), tensor.shape]))
  const stored = new Map<string, StoredMatrix>()
  const matrix = (name: string) => {
    const [rows, columns] = shapes.get(name) as readonly [number, number]
    return { type, rows, columns }
  }
  for (const name of quantisableVariables(graph)) stored.set(name, matrix(name))
  for (const names of expertStacks(graph)) {
    const stack = { name: `stack ${names[0]}`, count: names.length }
    for (const [index, name] of names.entries()) stored.set(name, { ...matrix(name), stack: { ...stack, index } })
  }
  for (const [name, shape] of stored) {
    const variable = shape.stack?.name ?? name
    if (!variables.get(variable)) variables.set(variable, await packed(shape))
  }
  return await Program.compile(quantiseProducts(graph, stored, batch > 16 ? 'prefill' : 'decode'), variables, {
    threads,
    reuseOutputs: true,
  })
}

/** The best and the median milliseconds of each side, taken in turns. */
function measure(sides: readonly ((round: number) => void)[]): { best: number; median: number }[] {
  const times = sides.map((): number[] => [])
  for (const run of sides) run(0)
  const end = performance.now() + 1000 * Number(options.seconds)
  for (let round = 1; round < 8 || performance.now() < end; round++) {
    sides.forEach((run, side) => {
      const start = performance.now()
      run(round)
      times[side]?.push(performance.now() - start)
    })
  }
  return times.map((own) => {
    const sorted = own.sort((a, b) => a - b)
    return { best: sorted[0] as number, median: sorted[sorted.length >> 1] as number }
  })
}

const lines: Record<string, number | string>[] = []
if (!options.json)
  console.log(`${type}, path ${kernelLibrary().instructions}, ${threads} threads, ms a layer (best, median)`)
for (const sizes of models) {
  const variables = new Variables()
  for (const batch of options.batch.split(',').map(Number)) {
    const all = floats([16 * batch, sizes.width])
    const inputs = Array.from({ length: 16 }, (_, at) => {
      const x = floats([batch, sizes.width])
      x.bytes.set(all.bytes.subarray(at * x.byteLength, (at + 1) * x.byteLength))
      return x
    })
    using experts = await compile(sparse, sizes, batch, variables)
    using equal = await compile(dense, sizes, batch, variables)
    const sides = [experts, equal].map((program) => (round: number) => {
      program.runSync([inputs[round % inputs.length] as NDArray])
    })
    const [own, other] = measure(sides).map(({ best, median }) => ({
      best: best / sizes.layers,
      median: median / sizes.layers,
    })) as [{ best: number; median: number }, { best: number; median: number }]
    const [ratio, medianRatio] = [own.best / other.best, own.median / other.median]
    lines.push({
      model: sizes.name,
      batch,
      experts_ms: own.best,
      dense_ms: other.best,
      ratio,
      median_ratio: medianRatio,
    })
    for (const array of [...inputs, all]) array.dispose()
    if (options.json) continue
    const pair = ({ best, median }: { best: number; median: number }) => `${best.toFixed(3)}, ${median.toFixed(3)}`
    console.log(
      `${sizes.name}, batch ${batch}: experts ${pair(own)}  dense ${pair(other)}  ${ratio.toFixed(2)}× (median ${medianRatio.toFixed(2)}×)`,
    )
  }
  variables.dispose()
}
if (options.json) console.log(JSON.stringify({ type, path: kernelLibrary().instructions, threads, lines }))
