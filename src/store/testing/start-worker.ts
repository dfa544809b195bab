import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** A line that `worker.ts` prints. */
export interface WorkerLine {
  readonly open?: true
  readonly milliseconds?: number
  readonly served?: true
  readonly closed?: true
  readonly sent?: string
  readonly conversation?: string
  readonly acknowledged?: string
  readonly failed?: string
  readonly message?: string
}

/** A process that has the store of a folder open. */
export class StoreWorker {
  readonly lines: WorkerLine[] = []
  private readonly child: ChildProcess
  private readonly exited: Promise<unknown>
  private waiting: (() => void) | undefined

  constructor(folder: string, work: 'hold' | 'serve' | 'write', environment: NodeJS.ProcessEnv = {}) {
    const file = join(import.meta.dirname, 'worker.ts')
    this.child = spawn(process.execPath, ['--import', 'tsx', file, folder, work], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, DATABASE_URL: '', ...environment },
    })
    this.exited = once(this.child, 'close')
    if (!this.child.stdout) throw new Error('no output')
    createInterface(this.child.stdout).on('line', (line) => {
      // The last line of a process that was killed may be cut.
      if (line.endsWith('}')) this.lines.push(JSON.parse(line) as WorkerLine)
      this.waiting?.()
    })
    void this.exited.then(() => this.waiting?.())
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  /** The first line that fits; undefined if the process ends without one. */
  async line(fits: (line: WorkerLine) => unknown): Promise<WorkerLine | undefined> {
    let ended = false
    void this.exited.then(() => {
      ended = true
    })
    for (;;) {
      const found = this.lines.find(fits)
      if (found || ended) return found
      await Promise.race([
        this.exited,
        new Promise<void>((resolve) => {
          this.waiting = resolve
        }),
      ])
    }
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exited
  }

  /** Ends it as a user would. */
  async close(): Promise<void> {
    this.child.stdin?.write('end\n')
    await this.exited
  }
}
