import { Worker } from 'node:worker_threads'

/**
 * A thread that ends the process, with a word on which case it was, when one case keeps the main thread busy too long.
 * Shared numbers: the case's number plus one while one runs, and when it began.
 */
const watcher = `
const { workerData: { shared, limit } } = require('node:worker_threads')
const numbers = new Float64Array(shared)
setInterval(() => {
  if (numbers[0] > 0 && Date.now() - numbers[1] > limit) {
    process.stderr.write('case ' + (numbers[0] - 1) + ' hangs\\n')
    process.exit(3)
  }
}, 250)
`

/** Watches over the cases. */
export class Watchdog {
  private readonly numbers = new Float64Array(new SharedArrayBuffer(16))
  private readonly worker: Worker

  constructor(limitMilliseconds: number) {
    const workerData = { shared: this.numbers.buffer, limit: limitMilliseconds }
    this.worker = new Worker(watcher, { eval: true, workerData })
    this.worker.unref()
  }

  begin(caseNumber: number): void {
    this.numbers[1] = Date.now()
    this.numbers[0] = caseNumber + 1
  }

  end(): void {
    this.numbers[0] = 0
  }
}
