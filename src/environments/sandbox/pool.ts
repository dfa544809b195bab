import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { type SandboxRun, type SandboxTask, timeIsUp } from './task.ts'

interface Job {
  readonly task: SandboxTask
  readonly resolve: (run: SandboxRun) => void
}

/** A thread, and what it works on. */
interface Runner {
  readonly worker: Worker
  ready: boolean
  job?: Job | undefined
  timer?: NodeJS.Timeout | undefined
}

const mostRunners = Math.min(4, availableParallelism())

/** The interpreter ends most code at its limit; a thread that is not done so much later is ended as a whole. */
const graceMilliseconds = 500

const failed = (failure: string): SandboxRun => ({ failure, results: [] })

/** Threads that run code. Idle ones do not keep the process alive. */
export class SandboxPool {
  private readonly runners: Runner[] = []
  private readonly waiting: Job[] = []

  run(task: SandboxTask): Promise<SandboxRun> {
    return new Promise((resolve) => {
      this.waiting.push({ task, resolve })
      this.next()
    })
  }

  private next(): void {
    if (this.waiting.length === 0) return
    const free = this.runners.find(({ ready, job }) => ready && !job)
    if (free) this.start(free, this.waiting.shift() as Job)
    else if (this.runners.length < mostRunners) this.add()
  }

  private start(runner: Runner, job: Job): void {
    runner.job = job
    runner.worker.ref()
    const milliseconds = job.task.limits.milliseconds + graceMilliseconds
    const late: SandboxRun = { failure: undefined, results: [{ failure: timeIsUp }] }
    runner.timer = setTimeout(() => this.end(runner, late), milliseconds)
    runner.worker.postMessage(job.task)
  }

  private add(): void {
    const runner: Runner = { worker: startWorker(), ready: false }
    this.runners.push(runner)
    runner.worker.on('message', (message: 'ready' | SandboxRun) => {
      if (message === 'ready') runner.ready = true
      else this.finish(runner, message)
      this.next()
    })
    runner.worker.on('error', (error) => {
      // A thread that does not even start will not start for the next job either.
      if (!runner.ready) for (const { resolve } of this.waiting.splice(0)) resolve(failed(error.message))
      this.end(runner, failed(`The interpreter failed: ${error.message}`))
    })
  }

  private finish(runner: Runner, run: SandboxRun): void {
    clearTimeout(runner.timer)
    runner.worker.unref()
    const { job } = runner
    runner.job = undefined
    job?.resolve(run)
  }

  private end(runner: Runner, run: SandboxRun): void {
    const place = this.runners.indexOf(runner)
    if (place >= 0) this.runners.splice(place, 1)
    this.finish(runner, run)
    void runner.worker.terminate()
    this.next()
  }
}

/** Starts the thread; from the TypeScript sources it is loaded by jiti. */
function startWorker(): Worker {
  const typed = import.meta.url.endsWith('.ts')
  const script = new URL(`./worker.${typed ? 'ts' : 'js'}`, import.meta.url)
  const options = { env: {}, argv: [], execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 256 } }
  if (!typed) return new Worker(script, options)
  const jiti = JSON.stringify(createRequire(import.meta.url).resolve('jiti'))
  const load = `require(${jiti}).createJiti(${JSON.stringify(script.href)}, { fsCache: false }).import(${JSON.stringify(script.href)})`
  return new Worker(load, { ...options, eval: true })
}
