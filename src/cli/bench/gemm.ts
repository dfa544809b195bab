import { availableParallelism } from 'node:os'
import { Option } from 'commander'
import { R1Error } from '../../errors.ts'
import type { MeasuredShape, ProductTable } from '../../runtime/products/table.ts'
import type { Tensor } from '../../tensor/index.ts'
import type { Benchmark, BenchmarkContext } from './benchmark.ts'

interface GemmOptions {
  readonly threads: string
  readonly milliseconds: string
  readonly write: boolean
}

/** One product on both sides. */
interface GemmRow extends MeasuredShape {
  readonly precision: 'f32' | 'bf16'
  readonly kernel_ms: number
  readonly onnxruntime_ms: number
  /** Time of ONNX Runtime over that of the kernel. */
  readonly ratio: number
}

interface GemmResult {
  /** Instruction set of the kernels. */
  readonly path: string
  readonly threads: number
  readonly rows: readonly GemmRow[]
  readonly table: ProductTable
  /** Where the table was written; null where it was not. */
  readonly file: string | null
}

/** Fewest runs of a side. */
const fewest = 5

/** What a measurement needs, loaded when one is made. */
const loadRuntime = () =>
  Promise.all([import('../../runtime/array.ts'), import('../../runtime/jit.ts'), import('../../tensor/index.ts')])

/** Times x · Wᵀ by the kernel and by ONNX Runtime in turns, and takes the best of each. */
async function measure(
  shape: MeasuredShape,
  precision: 'f32' | 'bf16',
  { threads, milliseconds }: { readonly threads: number; readonly milliseconds: number },
): Promise<GemmRow> {
  const [{ NDArray }, { jit }, { matmul }] = await loadRuntime()
  const { rows, depth, columns } = shape
  const filled = (extents: readonly [number, number]) =>
    NDArray.from(
      Float32Array.from({ length: extents[0] * extents[1] }, (_, index) => ((index * 7) % 13) - 6),
      extents,
    )
  using x = filled([rows, depth])
  using w = filled([columns, depth])
  const sides = (['kernel', 'onnxruntime'] as const).map((products) => ({
    run: jit(({ x, w }: { x: Tensor; w: Tensor }) => matmul(x, w, { transposeB: true }), {
      threads,
      precision,
      products,
      reuseOutputs: true,
    }),
    best: Number.POSITIVE_INFINITY,
  }))
  for (const { run } of sides) run.runSync({ x, w })
  const end = performance.now() + milliseconds
  for (let round = 0; round < fewest || performance.now() < end; round++) {
    for (const side of sides) {
      const started = performance.now()
      side.run.runSync({ x, w })
      side.best = Math.min(side.best, performance.now() - started)
    }
  }
  for (const { run } of sides) run.dispose()
  const [kernel, onnxruntime] = sides.map(({ best }) => best) as [number, number]
  const ratio = Number((onnxruntime / kernel).toFixed(2))
  return { ...shape, precision, kernel_ms: kernel, onnxruntime_ms: onnxruntime, ratio }
}

function tableOf(rows: readonly GemmRow[]): ProductTable {
  const ratios = (precision: 'f32' | 'bf16') =>
    Object.fromEntries(rows.flatMap((row) => (row.precision === precision ? [[row.name, row.ratio]] : [])))
  return { f32: ratios('f32'), bf16: ratios('bf16') }
}

async function run(options: GemmOptions, { signal, progress }: BenchmarkContext): Promise<GemmResult> {
  const [{ kernelLibrary }, rule, { measuredShapes }] = await Promise.all([
    import('../../runtime/kernels.ts'),
    import('../../runtime/products/rule.ts'),
    import('../../runtime/products/table.ts'),
  ])
  const { path: library, instructions, reason } = kernelLibrary()
  if (!library || !instructions) {
    throw new R1Error('no-kernels', `There are no kernels to measure: ${reason}.`, {
      remedy: 'ONNX Runtime computes every product here; `r1 doctor` says more.',
    })
  }
  const settings = { threads: Number(options.threads), milliseconds: Number(options.milliseconds) }
  const rows: GemmRow[] = []
  for (const precision of ['f32', 'bf16'] as const) {
    for (const shape of measuredShapes) {
      signal.throwIfAborted()
      progress(`${precision} ${shape.name}`)
      rows.push(await measure(shape, precision, settings))
    }
  }
  const table = tableOf(rows)
  const file = options.write ? rule.tableFile() : null
  if (file) rule.writeTable(file, rule.machineKey(library), table)
  return { path: instructions, threads: settings.threads, rows, table, file }
}

function format({ path, threads, rows, file }: GemmResult): string {
  const cells = rows.map(({ precision, rows: m, depth, columns, kernel_ms, onnxruntime_ms, ratio }) => {
    const rate = (milliseconds: number) => `${((2 * m * depth * columns) / milliseconds / 1e6).toFixed(0)} GFLOPS`
    const shape = `${m} × ${depth} × ${columns}`
    return [
      precision,
      shape,
      rate(kernel_ms),
      rate(onnxruntime_ms),
      `${ratio.toFixed(2)}×`,
      ratio > 1 ? 'kernel' : 'ort',
    ]
  })
  const head = ['', 'M × K × N', 'kernel', 'ONNX Runtime', 'ratio', 'taken']
  return [
    `path ${path}, ${threads} threads`,
    ...[head, ...cells].map((line) => line.map((cell, at) => (at === 0 ? cell.padEnd(6) : cell.padStart(18))).join('')),
    file ? `Written to ${file}; programs of this machine decide by it from now on.` : 'Not written.',
  ].join('\n')
}

/** `r1 bench gemm` */
export const gemm: Benchmark<GemmOptions & Record<string, unknown>, GemmResult> = {
  name: 'gemm',
  summary: "Matrix products of the kernels beside ONNX Runtime's; what is faster here is taken from then on.",
  options: [
    new Option('--threads <n>', 'threads of a product').default(String(availableParallelism())),
    new Option('--milliseconds <n>', 'time for each shape').default('150'),
    new Option('--no-write', 'leave the table of this machine as it is'),
  ],
  run,
  format,
}
