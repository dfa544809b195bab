import type { Tensor } from '../../tensor/index.ts'

/** Best rate of square f32 products on ONNX Runtime, in GFLOPS: the roof that training is measured against. */
export async function measureRoof({ threads, rounds }: { readonly threads: number; readonly rounds: number }) {
  const [{ NDArray }, { jit }, { matmul }] = await Promise.all([
    import('../../runtime/array.ts'),
    import('../../runtime/jit.ts'),
    import('../../tensor/index.ts'),
  ])
  const rates: number[] = []
  for (const size of [512, 1024, 1536, 2048]) {
    using product = jit(({ a, b }: { a: Tensor; b: Tensor }) => matmul(a, b), {
      threads,
      reuseOutputs: true,
      products: 'onnxruntime',
    })
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
    rates.push((2 * size ** 3) / best / 1e6)
  }
  return Math.max(...rates)
}
