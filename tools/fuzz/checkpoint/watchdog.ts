import { Worker } from 'node:worker_threads'

/**
 * A thread that ends the process, with a word on which case it was, when one case never ends: by the processor time it
 * takes, since a busy machine may let any case wait, and by a much longer time on the clock for what only waits.
 * Shared number: the case's number plus one while one runs.
 */
const watcher = `
const { workerData: { shared, limit } } = require('node:worker_threads')
const current = new Int32Array(shared)
let seen = 0, processor = 0, clock = 0
setInterval(() => {
  const now = Atomics.load(current, 0)
  const { user, system } = process.cpuUsage()
  const used = (user + system) / 1000
  if (now === 0 || now !== seen) {
    seen = now
    processor = used
    clock = performance.now()
  } else if (used - processor > limit || performance.now() - clock > 10 * limit) {
    process.stderr.write('case ' + (now - 1) + ' hangs\\n')
    process.exit(3)
  }
}, 250)
`

/** Watches over the cases. */
export class Watchdog {
  private readonly current = new Int32Array(new SharedArrayBuffer(4))

  constructor(limitMilliseconds: number) {
    const workerData = { shared: this.current.buffer, limit: limitMilliseconds }
    new Worker(watcher, { eval: true, workerData }).unref()
  }

  begin(caseNumber: number): void {
    Atomics.store(this.current, 0, caseNumber + 1)
  }

  end(): void {
    Atomics.store(this.current, 0, 0)
  }
}
