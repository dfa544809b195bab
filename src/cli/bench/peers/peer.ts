import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { R1Error } from '../../../errors.ts'
import type { PeerName } from './names.ts'

// As deep in the repository as dist/cli/bench/peers.
const peersFolder = fileURLToPath(new URL('../../../../bench/peers/', import.meta.url))

export interface PeerOptions {
  /** A GGUF file. */
  readonly model: string
  readonly threads: number
  /** Tokens of context. */
  readonly context: number
  /** Texts side by side; 1 without it. */
  readonly sequences?: number
}

const readySchema = z.object({ load_ms: z.number(), idle_rss_mb: z.number() })
const generatedSchema = z.object({
  tokens: z.array(z.number()),
  /** Of each token; the first includes the prompt. */
  ms: z.array(z.number()),
  peak_rss_mb: z.number(),
  /** From the start of the process. */
  process_ms: z.number(),
})
const batchedSchema = z.object({
  /** When each token of each text came, in milliseconds from the request. */
  times: z.array(z.array(z.number())),
  peak_rss_mb: z.number(),
})
const messageSchema = z.looseObject({ event: z.string(), message: z.string().optional() })

export type PeerBatch = z.output<typeof batchedSchema>
export type PeerGeneration = z.output<typeof generatedSchema>

/** A peer in a process of its own, with its model loaded; asked for tokens line by line (protocol: bench/peers/README.md). */
export class Peer implements AsyncDisposable {
  readonly name: string
  /** Milliseconds from the first call into the library to a model that can be asked. */
  loadMs = 0
  /** Memory of the process before anything was loaded, in MB. */
  idleRssMb = 0
  private readonly child
  private readonly lines: AsyncIterator<string>
  private complaint = ''

  private constructor(name: string, words: readonly string[], signal: AbortSignal) {
    this.name = name
    this.child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' })
    // Its end is seen by the end of its output.
    this.child.on('error', () => undefined)
    this.child.stdin.on('error', () => undefined)
    this.child.stderr.on('data', (text) => {
      this.complaint = (this.complaint + text).slice(-2000)
    })
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
  }

  /**
   * Starts a peer and waits until its model is loaded.
   *
   * @throws R1Error `peer-missing`, `peer-failed`
   */
  static async start(name: PeerName, options: PeerOptions, signal: AbortSignal): Promise<Peer> {
    const folder = join(peersFolder, name)
    if (!existsSync(join(folder, 'node_modules'))) {
      throw new R1Error('peer-missing', `${name} is not installed.`, {
        remedy: `In a clone of this package's repository, run: node bench/peers/${name}/setup.mjs`,
      })
    }
    const words = [join(folder, 'worker.mjs'), JSON.stringify({ ...options, model: resolve(options.model) })]
    return await Peer.startCommand(name, words, signal)
  }

  /**
   * Starts anything that speaks the protocol.
   *
   * @param words of Node's command line
   * @throws R1Error `peer-failed`
   */
  static async startCommand(name: string, words: readonly string[], signal: AbortSignal): Promise<Peer> {
    const peer = new Peer(name, words, signal)
    const { load_ms, idle_rss_mb } = await peer.answer('ready', readySchema)
    peer.loadMs = load_ms
    peer.idleRssMb = idle_rss_mb
    return peer
  }

  /**
   * Greedy tokens after several prompts side by side.
   *
   * @throws R1Error `peer-failed`
   */
  async batch(prompts: readonly (readonly number[])[], count: number): Promise<PeerBatch> {
    this.child.stdin.write(`batch ${JSON.stringify({ prompts, count })}\n`)
    return this.answer('batched', batchedSchema)
  }

  /**
   * Greedy tokens after a prompt, with the time of each.
   *
   * @param prompt token ids
   * @throws R1Error `peer-failed`
   */
  async generate(prompt: readonly number[], count: number): Promise<PeerGeneration> {
    this.child.stdin.write(`generate ${JSON.stringify({ prompt, count })}\n`)
    return this.answer('generated', generatedSchema)
  }

  private async answer<Schema extends z.ZodType>(event: string, schema: Schema): Promise<z.output<Schema>> {
    for (;;) {
      const { value, done } = await this.lines.next()
      if (done) throw this.failure(`ended before '${event}'`, this.complaint)
      if (!value.startsWith('{')) continue
      const message = messageSchema.parse(JSON.parse(value))
      if (message.event === 'error') throw this.failure('failed', message.message ?? '')
      if (message.event === event) return schema.parse(message)
    }
  }

  private failure(what: string, detail: string): R1Error {
    return new R1Error('peer-failed', `${this.name} ${what}: ${detail.trim().slice(-500)}`, {
      remedy: 'Check that it reads the model file.',
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const closed = new Promise((settle) => this.child.once('close', settle))
    this.child.stdin.end('quit\n')
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000)
    await closed
    clearTimeout(timer)
  }
}
