/** Matrix products on every side, in turns. `layout`: `n` as stored row by row, `t` stored transposed, for A and B. */
import { waitForQuiet } from './machine.mjs'
import { summarize } from './statistics.mjs'

/** C[M, N] = A[M, K] · B[K, N]: cubes, then the products of a training step at 4096 tokens (a, b) and 512 (smollm2). */
export const gemmShapes = [
  { M: 512, N: 512, K: 512, layout: 'nn', what: 'cube' },
  { M: 1024, N: 1024, K: 1024, layout: 'nn', what: 'cube' },
  { M: 2048, N: 2048, K: 2048, layout: 'nn', what: 'cube' },
  { M: 4096, N: 256, K: 256, layout: 'nt', what: 'a: query, forward' },
  { M: 4096, N: 1024, K: 256, layout: 'nt', what: 'a: gate, forward' },
  { M: 4096, N: 256, K: 1024, layout: 'nn', what: 'a: gate, gradient of the input' },
  { M: 1024, N: 256, K: 4096, layout: 'tn', what: 'a: gate, gradient of the weight' },
  { M: 4096, N: 1536, K: 384, layout: 'nt', what: 'b: gate, forward' },
  { M: 1536, N: 384, K: 4096, layout: 'tn', what: 'b: gate, gradient of the weight' },
  { M: 512, N: 1536, K: 576, layout: 'nt', what: 'smollm2: gate, forward' },
  { M: 1536, N: 576, K: 512, layout: 'tn', what: 'smollm2: gate, gradient of the weight' },
  { M: 512, N: 49152, K: 576, layout: 'nt', what: 'smollm2: head, forward' },
  { M: 512, N: 576, K: 49152, layout: 'nn', what: 'smollm2: head, gradient of the input' },
  { M: 49152, N: 576, K: 512, layout: 'tn', what: 'smollm2: head, gradient of the weight' },
  { M: 512, N: 8, K: 576, layout: 'nt', what: 'smollm2-lora: a factor, forward' },
]

/**
 * @param {import('./sides.mjs').Side[]} sides @param {string[]} modes @param {typeof gemmShapes} shapes
 * @param {{ rounds: number, seconds: number, threads: number }} options
 */
export async function measureGemm(sides, modes, shapes, options) {
  const entrants = []
  for (const side of sides) {
    for (const mode of side.gemmModes.filter((candidate) => modes.includes(candidate))) {
      const worker = side.start(null, mode, options)
      try {
        await worker.start()
        entrants.push({ side: side.name, mode, worker })
      } catch (error) {
        console.error(`${side.name} ${mode}: ${error instanceof Error ? error.message : error}`)
      }
    }
  }
  try {
    const rows = []
    for (const shape of shapes) {
      rows.push({ ...shape, sides: await measureShape(shape, entrants, options) })
      console.error(`${shape.M}×${shape.N}×${shape.K} ${shape.layout} done`)
    }
    return rows
  } finally {
    for (const { worker } of entrants) await worker.stop()
  }
}

async function measureShape({ M, N, K, layout }, entrants, { rounds, seconds, patience }) {
  const samples = entrants.map(() => [])
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, { worker }] of entrants.entries()) {
      await waitForQuiet(patience)
      const { ms, otherCores } = await worker.ask(`gemm ${M} ${N} ${K} ${layout} ${seconds}`, 'gemm')
      samples[index].push(...ms.map((value) => ({ ms: value, otherCores })))
    }
  }
  const billions = (2 * M * N * K) / 1e9
  return entrants.map(({ side, mode }, index) => {
    const { best, median, quiet } = summarize(samples[index])
    return { side, mode, gflopsBest: (billions / best) * 1e3, gflopsMedian: (billions / median) * 1e3, quiet }
  })
}
