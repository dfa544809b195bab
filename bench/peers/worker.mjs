/** One side of a comparison: a child process that keeps its model and works only when told to (protocol: README.md). */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { cpuSeconds, machineBusySeconds } from './machine.mjs'

const READY_LIMIT_MS = 600_000

export class Worker {
  #child
  #lines
  #stderr = ''

  /** @param {string} command @param {string[]} args @param {NodeJS.ProcessEnv} environment */
  constructor(command, args, environment = {}) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...environment } })
    this.#child.on('error', (error) => {
      this.#stderr += error.message
    })
    // A process that died is reported through its closed output, with what it said on stderr.
    this.#child.stdin.on('error', () => {})
    this.#child.stderr.on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-4000)
    })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  /** Waits for `ready`, then puts the process to sleep until it is asked. */
  async start() {
    const ready = await this.#answer('ready')
    this.#pause()
    return ready
  }

  /**
   * Wakes the process for one request, alone on the machine as far as this runner goes.
   * @returns the answer with `otherCores`: processor time spent by everyone else, in cores
   */
  async ask(request, event) {
    const pid = this.#child.pid
    process.kill(pid, 'SIGCONT')
    const [busyBefore, ownBefore, start] = [machineBusySeconds(), cpuSeconds(pid), performance.now()]
    this.#child.stdin.write(`${request}\n`)
    const answer = await this.#answer(event)
    const seconds = (performance.now() - start) / 1e3
    const other = machineBusySeconds() - busyBefore - (cpuSeconds(pid) - ownBefore)
    this.#pause()
    return { ...answer, otherCores: Math.max(0, other) / seconds }
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const closed = new Promise((resolve) => this.#child.once('close', resolve))
    process.kill(this.#child.pid, 'SIGCONT')
    this.#child.stdin.end('quit\n')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
    await closed
    clearTimeout(timer)
  }

  /** A stopped process neither spins nor wakes, whatever its thread pool does when idle. */
  #pause() {
    process.kill(this.#child.pid, 'SIGSTOP')
  }

  async #answer(event) {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), READY_LIMIT_MS)
    try {
      for (;;) {
        const { value, done } = await this.#lines.next()
        if (done) throw new Error(`the process ended before "${event}":\n${this.#stderr}`)
        if (!value.startsWith('{')) continue
        const message = JSON.parse(value)
        if (message.event === event) return message
        if (message.event === 'error') throw new Error(message.message)
      }
    } finally {
      clearTimeout(timer)
    }
  }
}
