import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { R1Error } from '../../errors.ts'
import { type Command, errorOf, type Report, type WorkerFacts, type WorkerModel } from './messages.ts'

/** How long an engine may take to end by itself, in milliseconds. */
const patience = 10_000

const extension = extname(import.meta.url)

/** One process with an engine, from its start to its end. */
export class WorkerProcess {
  readonly facts: WorkerFacts
  private readonly child: ChildProcess

  private constructor(child: ChildProcess, facts: WorkerFacts) {
    this.child = child
    this.facts = facts
  }

  /**
   * Starts a process and waits until its model is loaded.
   *
   * @param onReport told of what it says then
   * @param onEnd told how it ended
   * @throws R1Error `engine-died`, and what loading throws
   */
  static async start(
    model: WorkerModel,
    onReport: (report: Extract<Report, { kind: 'events' | 'ready' }>) => void,
    onEnd: (how: string) => void,
    signal?: AbortSignal,
  ): Promise<WorkerProcess> {
    if (signal?.aborted) throw aborted(signal)
    const child = fork(new URL(`./main${extension}`, import.meta.url), {
      // Whatever a library prints must not mix with what the user's program prints.
      stdio: ['ignore', 2, 2, 'ipc'],
      serialization: 'advanced',
      // Sources are run in tests only.
      execArgv: extension === '.ts' ? ['--import', 'tsx'] : process.execArgv,
    })
    const stop = () => child.kill('SIGKILL')
    signal?.addEventListener('abort', stop, { once: true })
    try {
      const facts = await new Promise<WorkerFacts>((resolve, reject) => {
        child.on('message', (report: Report) => {
          if (report.kind === 'refused') reject(errorOf(report.error))
          else if (report.kind === 'ready') resolve(report.facts)
          if (report.kind !== 'refused') onReport(report)
        })
        child.on('error', (cause) => reject(engineDied(`it could not be started: ${cause.message}`)))
        child.once('exit', (code, killedBy) => {
          const how = killedBy ?? `exit code ${code}`
          reject(engineDied(how))
          onEnd(how)
        })
        child.send({ kind: 'load', ...model } satisfies Command, () => undefined)
      })
      return new WorkerProcess(child, facts)
    } catch (error) {
      stop()
      throw signal?.aborted ? aborted(signal) : error
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  get pid(): number | undefined {
    return this.child.pid
  }

  /** Says something; in vain where the process has ended. */
  send(command: Command): void {
    if (this.child.connected) this.child.send(command, () => undefined)
  }

  /** Ends it, by force if need be. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    this.send({ kind: 'close' })
    const timer = setTimeout(() => this.child.kill('SIGKILL'), patience)
    await ended
    clearTimeout(timer)
  }
}

export function engineDied(how: string, cause?: unknown): R1Error {
  return new R1Error('engine-died', `The process of the engine ended: ${how}.`, {
    remedy: 'Ask again: it is started anew.',
    cause,
  })
}

function aborted(signal: AbortSignal): R1Error {
  return new R1Error('aborted', 'Loading was aborted.', { cause: signal.reason })
}
