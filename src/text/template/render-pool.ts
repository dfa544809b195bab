import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { R1Error } from '../../errors.ts'
import { type RenderReply, type RenderRequest, renderProcessSource } from './render-worker.ts'

/** What rendering one template may cost. */
export interface RenderLimits {
  /** Milliseconds from the moment a renderer takes the task. */
  milliseconds: number
  /** Characters of the result. */
  characters: number
}

export const defaultRenderLimits: RenderLimits = { milliseconds: 2000, characters: 2 ** 22 }

/** Where nobody waits for an answer: a machine that is busy for seconds must not end hours of training. */
export const patientRenderLimits: RenderLimits = { ...defaultRenderLimits, milliseconds: 120_000 }

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

/** A process that renders, with the task it is on. */
interface Renderer {
  process: ChildProcess
  ready: boolean
  task?: Task
  timer?: NodeJS.Timeout
}

const mostRenderers = 2
const mostWaiting = 256

/**
 * Processes that render templates. One that takes too long or too much memory is killed, and another takes the next task.
 * Idle ones do not keep this process alive, and end with it.
 */
export class RenderPool {
  private readonly renderers: Renderer[] = []
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

  /** Ends all processes; what is under way fails. */
  close(): void {
    for (const task of this.waiting.splice(0)) task.reject(failed('the renderers were closed'))
    for (const renderer of [...this.renderers]) this.end(renderer, failed('the renderers were closed'))
  }

  [Symbol.dispose](): void {
    this.close()
  }

  private next(): void {
    while (this.waiting[0]?.abandoned) this.waiting.shift()
    if (this.waiting.length === 0) return
    const renderer = this.renderers.find((candidate) => candidate.ready && !candidate.task)
    if (renderer) this.start(renderer, this.waiting.shift() as Task)
    else if (this.renderers.length < mostRenderers && this.renderers.every((candidate) => candidate.ready)) this.spawn()
  }

  private start(renderer: Renderer, task: Task): void {
    renderer.task = task
    keepAlive(renderer.process, true)
    renderer.timer = setTimeout(() => {
      const seconds = task.milliseconds / 1000
      const error = new R1Error('template-timeout', `The chat template was not rendered within ${seconds} s.`, {
        remedy: 'Use another template, or shorten the conversation.',
      })
      this.end(renderer, error)
    }, task.milliseconds)
    try {
      renderer.process.send(task.request)
    } catch (cause) {
      this.finish(renderer)?.reject(
        new R1Error('bad-argument', 'The values for the chat template are not plain data.', {
          remedy: 'Pass text, numbers, lists and plain objects only.',
          cause,
        }),
      )
    }
  }

  private spawn(): void {
    const jinja = createRequire(import.meta.url).resolve('@huggingface/jinja')
    const { SystemRoot, TZ } = process.env
    const child = spawn(
      process.execPath,
      ['--disallow-code-generation-from-strings', '-e', renderProcessSource(jinja)],
      {
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
        serialization: 'advanced',
        env: { ...(SystemRoot ? { SystemRoot } : {}), ...(TZ ? { TZ } : {}) },
        windowsHide: true,
      },
    )
    const renderer: Renderer = { process: child, ready: false }
    this.renderers.push(renderer)
    child.on('message', (message: 'ready' | RenderReply) => {
      if (message !== 'ready') this.receive(renderer, message)
      else {
        renderer.ready = true
        keepAlive(child, false)
      }
      this.next()
    })
    child.on('error', (error) => this.end(renderer, failed(error.message)))
    // A process that ends by itself in the middle of a task has run out of memory.
    child.on('exit', () => this.end(renderer, renderer.ready ? tooLarge() : failed('its process could not be started')))
  }

  private receive(renderer: Renderer, reply: RenderReply): void {
    if (renderer.task?.request.id !== reply.id) return
    const task = this.finish(renderer)
    if (reply.kind === 'text') task?.resolve(reply.text)
    else task?.reject(errorOf(reply))
  }

  /** Takes the task off a renderer. */
  private finish(renderer: Renderer): Task | undefined {
    const { task } = renderer
    clearTimeout(renderer.timer)
    renderer.task = undefined
    keepAlive(renderer.process, false)
    return task
  }

  private end(renderer: Renderer, error: R1Error): void {
    const at = this.renderers.indexOf(renderer)
    if (at < 0) return
    this.renderers.splice(at, 1)
    renderer.process.kill('SIGKILL')
    this.finish(renderer)?.reject(error)
    // One that cannot even start would be asked for again and again.
    if (!renderer.ready) for (const task of this.waiting.splice(0)) task.reject(error)
    this.next()
  }
}

/** Whether the child keeps this process from ending. */
function keepAlive(child: ChildProcess, keeps: boolean): void {
  if (keeps) {
    child.ref()
    child.channel?.ref()
  } else {
    child.unref()
    child.channel?.unref()
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
