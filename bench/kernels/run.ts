/*
 * Times every operator with its native kernel and as a composite of stock operators, in turns in one process.
 *   npx tsx bench/kernels/run.ts [--json | --markdown] [--only 'swiglu|geglu'] [--threads 2] [--seconds 1]
 */
import { parseArgs } from 'node:util'
import { NDArray } from '../../src/runtime/array.ts'
import { type JitOptions, jit } from '../../src/runtime/jit.ts'
import { kernelLibrary } from '../../src/runtime/kernels.ts'
import { flatten } from '../../src/tensor/index.ts'
import { type Case, rowCases } from './cases.ts'
import { productCases } from './product-cases.ts'

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    markdown: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    threads: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '1' },
  },
})

interface Line {
  readonly name: string
  /** Best and median milliseconds with the kernel. */
  readonly kernel_ms: number
  readonly kernel_median_ms: number
  /** Best milliseconds of the composite. */
  readonly composite_ms: number
  readonly speedup: number
  /** Bytes of all inputs and outputs by the kernel's best time: what the memory delivered at least. */
  readonly gigabytes_per_second: number
}

const bytesOf = (tree: unknown): number =>
  flatten(tree as Record<string, NDArray>, (leaf): leaf is NDArray => leaf instanceof NDArray)
    .map(([, array]) => array.byteLength)
    .reduce((sum, bytes) => sum + bytes, 0)

function measure({ name, inputs, body, precision }: Case): Line {
  const threads = Number(options.threads)
  const feeds = inputs()
  const forms: JitOptions[] = [{ products: 'kernel', ...(precision && { precision }) }, { kernels: false }]
  const sides = forms.map((form) => ({
    compiled: jit(body, { threads, reuseOutputs: true, ...form }),
    times: [] as number[],
  }))
  const outputs = sides.map(({ compiled }) => compiled.runSync(feeds))
  const end = performance.now() + 1000 * Number(options.seconds)
  for (let round = 0; round < 5 || performance.now() < end; round++) {
    for (const { compiled, times } of sides) {
      const start = performance.now()
      compiled.runSync(feeds)
      times.push(performance.now() - start)
    }
  }
  const [kernel, composite] = sides.map(({ times }) => times.sort((a, b) => a - b)) as [number[], number[]]
  for (const { compiled } of sides) compiled.dispose()
  for (const array of Object.values(feeds)) array.dispose()
  const [best, other] = [kernel[0] as number, composite[0] as number]
  return {
    name,
    kernel_ms: best,
    kernel_median_ms: kernel[kernel.length >> 1] as number,
    composite_ms: other,
    speedup: other / best,
    gigabytes_per_second: (bytesOf(feeds) + bytesOf(outputs[0])) / best / 1e6,
  }
}

const library = kernelLibrary()
if (!library.path) throw new Error(`There are no kernels to measure: ${library.reason}`)
const lines: Line[] = []
const write = (text: string) => (options.json ? undefined : console.log(text))
write(`path ${library.instructions}, ${options.threads} threads`)
if (options.markdown) write('\n| operator | kernel ms | composite ms | ratio |\n| --- | --- | --- | --- |')
for (const one of [...rowCases, ...productCases].filter(({ name }) => new RegExp(options.only).test(name))) {
  const line = measure(one)
  lines.push(line)
  const { name, kernel_ms, kernel_median_ms, composite_ms, speedup, gigabytes_per_second } = line
  const number = (value: number, digits = 2) => value.toFixed(digits).padStart(9)
  write(
    options.markdown
      ? `| ${name} | ${kernel_ms.toFixed(2)} | ${composite_ms.toFixed(2)} | ${speedup.toFixed(2)}× |`
      : `${name.padEnd(34)}${number(kernel_ms)} ms (median ${number(kernel_median_ms)})  composite ` +
          `${number(composite_ms)} ms ${number(speedup)}×  ${number(gigabytes_per_second, 1)} GB/s`,
  )
}
if (options.json) console.log(JSON.stringify({ path: library.instructions, threads: Number(options.threads), lines }))
