import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { R1Error } from '../../errors.ts'
import { type RenderReply, type RenderRequest, renderWorker } from './render-worker.ts'

/** What rendering one template may cost. */
export interface RenderLimits {
  /** Milliseconds from the moment a thread takes the task. */
  milliseconds: number
  /** Characters of the result. */
  characters: number
}

export const defaultRenderLimits: RenderLimits = { milliseconds: 2000, characters: 2 ** 22 }

export interface RenderOptions {
  limits: RenderLimits
  /** Milliseconds since 1970 that the template takes for the present. Default: now. */
  now?: number
  signal?: AbortSignal
}

interface Task {
  request: RenderRequest
  milliseconds: number
  resolve: (text: string) => void
  reject: (error: R1Error) => void
  /** Whoever asked has gone. */
  abandoned: boolean
}

/** A thread with the task it is on. */
interface RenderThread {
  worker: Worker
  ready: boolean
  task?: Task
  timer?: NodeJS.Timeout
}

const heapMegabytes = 48
const mostThreads = 2
const mostWaiting = 256

/**
 * Threads that render templates. One that takes too long or too much memory is killed with its thread; the process lives on,
 * and another thread takes the next task. Idle threads do not keep the process alive.
 */
export class RenderPool {
  private readonly threads: RenderThread[] = []
  private readonly waiting: Task[] = []
  private nextId = 0

  /**
   * @throws R1Error `template-timeout`, `template-too-large`, `template-refused` (the template called `raise_exception`),
   * `bad-template`, `template-failed`, `overloaded`; the signal's reason when aborted
   */
  render(template: string, values: Record<string, unknown>, options: RenderOptions): Promise<string> {
    const { limits, signal, now = Date.now() } = options
    signal?.throwIfAborted()
    if (this.waiting.length >= mostWaiting) {
      throw new R1Error('overloaded', 'Too many chat templates are waiting to be rendered.', {
        remedy: 'Try again later.',
      })
    }
    return new Promise((resolve, reject) => {
      const request = { id: this.nextId++, template, values, maximumLength: limits.characters, now }
      const task: Task = { request, milliseconds: limits.milliseconds, resolve, reject, abandoned: false }
      signal?.addEventListener(
        'abort',
        () => {
          task.abandoned = true
          reject(signal.reason)
        },
        { once: true },
      )
      this.waiting.push(task)
      this.next()
    })
  }

  /** Ends all threads; what is under way fails. */
  async close(): Promise<void> {
    for (const task of this.waiting.splice(0)) task.reject(failed('the threads were closed'))
    await Promise.all([...this.threads].map((thread) => this.kill(thread, failed('the threads were closed'))))
  }

  private next(): void {
    while (this.waiting[0]?.abandoned) this.waiting.shift()
    if (this.waiting.length === 0) return
    const thread = this.threads.find((candidate) => candidate.ready && !candidate.task)
    if (thread) this.start(thread, this.waiting.shift() as Task)
    else if (this.threads.length < mostThreads && this.threads.every((candidate) => candidate.ready)) this.spawn()
  }

  private start(thread: RenderThread, task: Task): void {
    thread.task = task
    thread.worker.ref()
    thread.timer = setTimeout(() => {
      const seconds = task.milliseconds / 1000
      const error = new R1Error('template-timeout', `The chat template was not rendered within ${seconds} s.`, {
        remedy: 'Use another template, or shorten the conversation.',
      })
      void this.kill(thread, error).then(() => this.next())
    }, task.milliseconds)
    try {
      thread.worker.postMessage(task.request)
    } catch {
      this.finish(thread)?.reject(
        new R1Error('bad-argument', 'The values for the chat template are not plain data.', {
          remedy: 'Pass text, numbers, lists and plain objects only.',
        }),
      )
    }
  }

  private spawn(): void {
    const jinja = createRequire(import.meta.url).resolve('@huggingface/jinja')
    // Some transpilers wrap functions in a call of `__name`, which the thread does not have.
    const source = `const __name = (value) => value
      const { parentPort, workerData } = require('node:worker_threads')
      ;(${renderWorker.toString()})(parentPort, require(workerData))`
    const worker = new Worker(source, {
      eval: true,
      workerData: jinja,
      env: {},
      execArgv: [],
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes, maxYoungGenerationSizeMb: 8, stackSizeMb: 2 },
    })
    const thread: RenderThread = { worker, ready: false }
    this.threads.push(thread)
    worker.on('message', (message: 'ready' | RenderReply) => {
      if (message === 'ready') {
        thread.ready = true
        worker.unref()
      } else this.receive(thread, message)
      this.next()
    })
    worker.on('error', (error: NodeJS.ErrnoException) => {
      const outOfMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY'
      void this.kill(thread, outOfMemory ? tooLarge() : failed(error.message)).then(() => this.next())
    })
    worker.on('exit', () => void this.kill(thread, failed('its thread ended')).then(() => this.next()))
  }

  private receive(thread: RenderThread, reply: RenderReply): void {
    if (thread.task?.request.id !== reply.id) return
    const task = this.finish(thread)
    if (reply.kind === 'text') task?.resolve(reply.text)
    else task?.reject(errorOf(reply))
  }

  /** Takes the task off a thread. */
  private finish(thread: RenderThread): Task | undefined {
    const { task } = thread
    clearTimeout(thread.timer)
    thread.task = undefined
    thread.worker.unref()
    return task
  }

  private async kill(thread: RenderThread, error: R1Error): Promise<void> {
    const at = this.threads.indexOf(thread)
    if (at < 0) return
    this.threads.splice(at, 1)
    this.finish(thread)?.reject(error)
    // A thread that cannot even start would be asked for again and again.
    if (!thread.ready) for (const task of this.waiting.splice(0)) task.reject(error)
    await thread.worker.terminate()
  }
}

function errorOf(reply: Exclude<RenderReply, { kind: 'text' }>): R1Error {
  switch (reply.kind) {
    case 'too-large':
      return tooLarge()
    case 'refused':
      return new R1Error('template-refused', `The model's chat template refuses these messages: ${reply.message}.`, {
        remedy: 'Change the roles or the order of the messages.',
      })
    case 'bad-template':
      return new R1Error('bad-template', `The chat template cannot be read: ${reply.message}.`, {
        remedy: 'Give a valid chat_template.jinja.',
      })
    case 'failed':
      return failed(reply.message)
  }
}

function tooLarge(): R1Error {
  return new R1Error('template-too-large', 'The chat template makes too long a text or takes too much memory.', {
    remedy: 'Use another template, or shorten the conversation.',
  })
}

function failed(reason: string): R1Error {
  return new R1Error('template-failed', `The chat template could not be rendered: ${reason}.`, {
    remedy: 'Check the messages against what the template expects.',
  })
}
