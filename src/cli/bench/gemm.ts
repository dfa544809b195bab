import { Option } from 'commander'
import type { Benchmark } from './benchmark.ts'

interface GemmOptions {
  readonly threads: number
  readonly rounds: number
}

interface GemmRow {
  readonly size: number
  readonly milliseconds: number
  readonly gflops: number
}

export interface GemmResult {
  /** The best of all sizes. */
  readonly gflops: number
  readonly threads: number
  readonly sizes: readonly GemmRow[]
}

/** Rate of square f32 products on ONNX Runtime: the roof that training is measured against. */
export async function measureGemm(
  { threads, rounds }: GemmOptions,
  progress: (message: string) => void = () => undefined,
): Promise<GemmResult> {
  const [{ NDArray }, { jit }, { matmul }] = await Promise.all([
    import('../../runtime/array.ts'),
    import('../../runtime/jit.ts'),
    import('../../tensor/index.ts'),
  ])
  const sizes: GemmRow[] = []
  for (const size of [512, 1024, 1536, 2048]) {
    progress(`${size}×${size}`)
    using product = jit(({ a, b }: { a: Tensor; b: Tensor }) => matmul(a, b), { threads, reuseOutputs: true })
    using a = NDArray.from(
      Float32Array.from({ length: size * size }, (_, index) => ((index * 7) % 13) - 6),
      [size, size],
    )
    using b = NDArray.from(
      Float32Array.from({ length: size * size }, (_, index) => ((index * 5) % 11) - 5),
      [size, size],
    )
    product.runSync({ a, b })
    let best = Number.POSITIVE_INFINITY
    for (let round = 0; round < rounds; round++) {
      const started = performance.now()
      product.runSync({ a, b })
      best = Math.min(best, performance.now() - started)
    }
    sizes.push({ size, milliseconds: best, gflops: (2 * size ** 3) / best / 1e6 })
  }
  return { gflops: Math.max(...sizes.map(({ gflops }) => gflops)), threads, sizes }
}

type Tensor = import('../../tensor/index.ts').Tensor

/** `r1 bench gemm` */
export const gemm: Benchmark<{ threads: string; rounds: string }, GemmResult> = {
  name: 'gemm',
  summary: 'Rate of square f32 matrix products, in GFLOPS.',
  options: [
    new Option('--threads <n>', 'threads of the product').default('2'),
    new Option('--rounds <n>', 'runs of each size, the best counts').default('12'),
  ],
  run: ({ threads, rounds }, { progress }) =>
    measureGemm({ threads: Number(threads), rounds: Number(rounds) }, progress),
  format: ({ gflops, sizes }) =>
    [
      ...sizes.map(
        (row) =>
          `${String(row.size).padStart(5)}³  ${row.milliseconds.toFixed(2).padStart(8)} ms  ${row.gflops.toFixed(0).padStart(5)} GFLOPS`,
      ),
      `best   ${gflops.toFixed(0)} GFLOPS`,
    ].join('\n'),
}
