import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore, type Store } from '../../../store/index.ts'
import { type TinyServer, tinyServer } from '../../testing/tiny-server.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
export type Answer = any

/** A server of a tiny model with a store and a folder of runs of its own, and what its console asks. */
export class ConsoleServer implements AsyncDisposable {
  readonly data: string
  /** The folder of runs. */
  readonly runs: string
  readonly store: Store
  private readonly server: TinyServer

  private constructor(data: string, runs: string, store: Store, server: TinyServer) {
    this.data = data
    this.runs = runs
    this.store = store
    this.server = server
  }

  static async start(): Promise<ConsoleServer> {
    const data = await mkdtemp(join(tmpdir(), 'r1-console-'))
    const runs = join(data, 'runs')
    await mkdir(runs)
    const store = await openStore({ data, url: null })
    return new ConsoleServer(data, runs, store, await tinyServer({ runs, slots: 2 }, store))
  }

  get address(): string {
    return this.server.address
  }

  async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(this.address + path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, answer: JSON.parse(await response.text()) as Answer }
  }

  /** Begins a conversation. */
  async begin(fields: object = {}): Promise<string> {
    const { answer } = await this.ask('POST', '/api/conversations', { id: randomUUID(), ...fields })
    return answer.id
  }

  /** Adds a message of the user. */
  async say(conversation: string, content: string, parent: string | null = null): Promise<string> {
    const message = { id: randomUUID(), parent, content }
    const { status, answer } = await this.ask('POST', `/api/conversations/${conversation}/messages`, message)
    if (status !== 200) throw new Error(JSON.stringify(answer))
    return message.id
  }

  async reply(conversation: string, body: object, signal?: AbortSignal): Promise<Response> {
    return await fetch(`${this.address}/api/conversations/${conversation}/replies`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id: randomUUID(), ...body }),
      ...(signal && { signal }),
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
    await rm(this.data, { recursive: true, force: true })
  }
}

/** Events of a stream, until it ends or enough was seen. */
export async function* eventsOf(response: Response): AsyncGenerator<Answer, void, void> {
  let text = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk
    const parts = text.split('\n\n')
    text = parts.pop() ?? ''
    for (const part of parts) if (part.startsWith('data: ')) yield JSON.parse(part.slice('data: '.length))
  }
}

/** All events of a stream. */
export async function all(response: Response): Promise<Answer[]> {
  const found: Answer[] = []
  for await (const event of eventsOf(response)) found.push(event)
  return found
}
