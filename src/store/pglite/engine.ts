import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { withDeadline } from '../deadline.ts'
import type { DriverFailure } from '../failure.ts'
import { databaseFailure, unavailable } from '../failure.ts'
import { opened, storeThread, type ThreadData, type ThreadReply, type ThreadRequest } from './thread.ts'

type Rows = readonly (readonly unknown[])[]

interface Waiting {
  resolve(rows: Rows): void
  reject(error: unknown): void
}

/** One life of PGlite: a thread of its own, from opening to its end. It is not started twice. */
export class PgliteEngine {
  private readonly worker: Worker
  private readonly waiting = new Map<number, Waiting>()
  private nextId = opened + 1
  private ended: unknown

  private constructor(data: ThreadData) {
    // Some transpilers wrap functions in a call of `__name`, which the thread does not have.
    const source = `const __name = (value) => value
      const { parentPort, workerData } = require('node:worker_threads')
      ;(${storeThread.toString()})(parentPort, require, workerData)`
    // The database writes notices to the console, which belongs to the commands.
    this.worker = new Worker(source, { eval: true, workerData: data, stdout: true, stderr: true, execArgv: [] })
    this.worker.on('message', (reply: ThreadReply) => this.settle(reply))
    this.worker.on('error', (error) => this.end(error))
    this.worker.on('exit', () => this.end(new Error('The thread of the database has ended.')))
  }

  /** @throws R1Error `store-unavailable`, or of {@link databaseFailure} where the folder cannot be opened */
  static async open(folder: string, template: string | undefined, milliseconds: number): Promise<PgliteEngine> {
    const library = createRequire(import.meta.url).resolve('@electric-sql/pglite')
    const engine = new PgliteEngine({ library, folder, template })
    const ready = new Promise<Rows>((resolve, reject) => engine.waiting.set(opened, { resolve, reject }))
    try {
      await withDeadline(ready, milliseconds, () => engine.stop())
      return engine
    } catch (error) {
      await engine.stop()
      throw error
    }
  }

  /** False after its thread has ended, or when it is no longer to be trusted. */
  get alive(): boolean {
    return this.ended === undefined
  }

  query(statement: string, values: readonly unknown[]): Promise<Rows> {
    return this.ask({ statement, values })
  }

  /** Ends the thread at once, as a crash would. */
  async stop(): Promise<void> {
    this.end(new Error('The database was stopped.'))
    await this.worker.terminate()
  }

  async close(milliseconds: number): Promise<void> {
    if (this.alive) await withDeadline(this.ask({ close: true }), milliseconds, () => undefined).catch(() => undefined)
    await this.stop()
  }

  private ask(work: { statement: string; values: readonly unknown[] } | { close: true }): Promise<Rows> {
    return new Promise((resolve, reject) => {
      if (!this.alive) return reject(unavailable(this.ended))
      const id = this.nextId++
      this.waiting.set(id, { resolve, reject })
      this.worker.postMessage({ ...work, id } satisfies ThreadRequest)
    })
  }

  private settle(reply: ThreadReply): void {
    const waiting = this.waiting.get(reply.id)
    this.waiting.delete(reply.id)
    if ('rows' in reply) waiting?.resolve(reply.rows)
    else waiting?.reject(this.judged(reply.error))
  }

  /** An error without an SQLSTATE is not one of a statement: the program itself broke, and must begin anew. */
  private judged(error: DriverFailure): unknown {
    if (!/^[0-9A-Z]{5}$/.test(error.code ?? '')) void this.stop()
    return databaseFailure(error)
  }

  private end(reason: unknown): void {
    this.ended ??= reason
    for (const { reject } of this.waiting.values()) reject(unavailable(reason))
    this.waiting.clear()
  }
}
