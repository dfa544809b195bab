import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { R1Error } from '../../errors.ts'

/**
 * What each thread runs: reads one number of every 64 bytes, since memory comes in lines of 64, from a buffer larger
 * than the caches, for a time, and tells how many bytes a second the best round gave, since others may be interrupted. A
 * text, so that it is no file of its own.
 */
const reader = `
const { parentPort, workerData: { bytes, milliseconds } } = require('node:worker_threads')
const numbers = new Float64Array(bytes / 8).fill(1)
function read() {
  let a = 0, b = 0, c = 0, d = 0
  for (let i = 0; i < numbers.length; i += 32) { a += numbers[i]; b += numbers[i + 8]; c += numbers[i + 16]; d += numbers[i + 24] }
  return a + b + c + d
}
for (let warm = 0; warm < 3; warm += 1) read()
let shortest = Infinity, sum = 0
const end = performance.now() + milliseconds
do {
  const start = performance.now()
  sum += read()
  shortest = Math.min(shortest, performance.now() - start)
} while (performance.now() < end)
parentPort.postMessage({ rate: bytes / shortest * 1000, sum })
`

/** Bytes each thread reads: more than its share of any cache. */
const bufferBytes = 96 * 2 ** 20

function measureThread(milliseconds: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(reader, { eval: true, workerData: { bytes: bufferBytes, milliseconds } })
    worker.once('message', ({ rate }: { rate: number }) => resolve(rate))
    worker.once('error', (cause) => {
      reject(new R1Error('out-of-memory', 'The memory cannot be measured.', { remedy: 'Close other programs.', cause }))
    })
  })
}

/**
 * Measures how fast this machine's memory is read by all its cores together.
 *
 * @param milliseconds how long each core reads
 * @returns bytes a second
 */
export async function measureBandwidth(milliseconds = 300): Promise<number> {
  const threads = Math.min(availableParallelism(), 16)
  const rates = await Promise.all(Array.from({ length: threads }, () => measureThread(milliseconds)))
  return rates.reduce((sum, rate) => sum + rate, 0)
}
