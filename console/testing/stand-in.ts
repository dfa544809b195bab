import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ApiKey, Conversation, Message, ReplyEvent, Run, Token } from '../source/api/types.ts'
import { serveFile } from './files.ts'
import { type Script, scriptFor } from './scripts.ts'
import { metricsOf, runs, samplesOf, system, tick } from './sights.ts'

export interface StandInOptions {
  /** Folder of the built console. */
  readonly folder: string
  readonly port?: number
  /** Milliseconds between two tokens. */
  readonly pace?: number
  /** Requests must carry this key. */
  readonly key?: string
  readonly conversations?: readonly Conversation[]
  readonly runs?: readonly Run[]
}

/** How requests are refused, all of them or those of some paths. */
export interface Refusal {
  readonly status: number
  readonly code?: string
  /** Seconds. */
  readonly retryAfter?: number
  readonly on?: RegExp
}

type Body = Record<string, unknown>

/** The contract of `/api` kept in memory, with a model that reads from scripts: what the console's tests speak with. */
export class StandIn {
  readonly conversations = new Map<string, Conversation>()
  /** What the console asked for, such as `POST /api/conversations`. */
  readonly asked: { readonly request: string; readonly body: Body }[] = []
  /** How many replies the reader broke off. */
  stopped = 0
  /** Refuses requests while it is set. */
  failing: Refusal | undefined
  /** Requests must carry this key. */
  key: string | undefined
  readonly address: string
  private readonly server: Server
  private readonly options: StandInOptions
  private readonly keys: ApiKey[] = []

  private constructor(server: Server, options: StandInOptions) {
    this.server = server
    this.options = options
    this.key = options.key
    for (const conversation of options.conversations ?? []) this.conversations.set(conversation.id, conversation)
    this.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  }

  static async start(options: StandInOptions): Promise<StandIn> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
    const standIn = new StandIn(server, options)
    server.on('request', (request, response) => void standIn.handle(request, response))
    return standIn
  }

  async close(): Promise<void> {
    if (!this.server.listening) return
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.address)
    if (!pathname.startsWith('/api/')) return serveFile(this.options.folder, pathname, response)
    const text = await readAll(request)
    const body = (text ? JSON.parse(text) : {}) as Body
    this.asked.push({ request: `${request.method} ${pathname}`, body })
    const { key, failing } = this
    if (failing && (failing.on?.test(pathname) ?? true)) {
      if (failing.retryAfter) response.setHeader('retry-after', failing.retryAfter)
      return sendError(response, failing.status, 'The test asked for this failure.', failing.code)
    }
    if (key && request.headers.authorization !== `Bearer ${key}`)
      return sendError(response, 401, 'Unknown key.', 'invalid_api_key')
    const parts = pathname.slice('/api/'.length).split('/').map(decodeURIComponent)
    const route = `${request.method} ${parts[0]}${parts.length > 1 ? '/:id' : ''}${parts[2] ? `/${parts[2]}` : ''}`
    await this.route(route, parts[1] ?? '', { body, searchParams, response })
  }

  private async route(
    route: string,
    id: string,
    { body, searchParams, response }: { body: Body; searchParams: URLSearchParams; response: ServerResponse },
  ): Promise<void> {
    const send = (value: unknown) => sendJson(response, value)
    const now = new Date().toISOString()
    const conversation = this.conversations.get(id)
    switch (route) {
      case 'GET session':
        return send({
          user: 'local',
          admin: true,
          keysRequired: this.key !== undefined,
          version: '0.1.0',
          defaultModel: 'r1-nano',
          models: [
            { id: 'r1-nano', loaded: true },
            { id: 'smollm2-135m', loaded: false },
          ],
        })
      case 'GET conversations':
        return send({ items: this.found(searchParams.get('query') ?? ''), next: null })
      case 'POST conversations': {
        const made = { title: '', ...body, createdAt: now, updatedAt: now, messages: [] } as unknown as Conversation
        this.conversations.set(made.id, made)
        return send(made)
      }
      case 'GET conversations/:id':
        return conversation ? send(conversation) : sendError(response, 404, 'There is no such conversation.')
      case 'PATCH conversations/:id':
        return conversation ? send(Object.assign(conversation, body)) : sendError(response, 404, 'Not there.')
      case 'DELETE conversations/:id':
        this.conversations.delete(id)
        return send({})
      case 'POST conversations/:id/messages': {
        if (!conversation) return sendError(response, 404, 'There is no such conversation.')
        const message = { ...body, role: 'user', createdAt: now } as unknown as Message
        if (message.parent && !conversation.messages.some(({ id }) => id === message.parent)) {
          return sendError(response, 404, 'The parent is no message of this conversation.')
        }
        if (!conversation.messages.some((known) => known.id === message.id)) conversation.messages.push(message)
        Object.assign(conversation, { activeLeaf: message.id, updatedAt: now })
        return send(message)
      }
      case 'POST conversations/:id/replies':
        return conversation ? this.reply(conversation, body, response) : sendError(response, 404, 'Not there.')
      case 'GET runs':
        return send({ items: this.options.runs ?? runs() })
      case 'GET runs/:id':
        return send({ ...(this.options.runs ?? runs()).find(({ name }) => name === id), config: { name: id, seed: 7 } })
      case 'GET runs/:id/metrics':
        return send(metricsOf(id, searchParams.get('stage') ?? '', Number(searchParams.get('after') ?? 0)))
      case 'GET runs/:id/samples':
        return send({ rows: samplesOf(searchParams.get('stage') ?? '') })
      case 'GET runs/:id/events':
        return stream(response, 500, (step) => ({
          type: 'metrics',
          stage: '02-grpo',
          rows: metricsOf(id, '02-grpo', 121 + step, 122 + step).rows,
        }))
      case 'GET system':
        return send(system())
      case 'GET system/:id':
        return stream(response, 250, tick)
      case 'GET keys':
        return send({ items: this.keys })
      case 'POST keys': {
        const key = { id: `key-${this.keys.length}`, name: String(body.name), prefix: 'r1-ab12', createdAt: now }
        this.keys.push(key)
        return send({ ...key, key: 'r1-ab12-secret' })
      }
      case 'DELETE keys/:id':
        this.keys.splice(
          this.keys.findIndex((key) => key.id === id),
          1,
        )
        return send({})
      default:
        return sendError(response, 404, `Nothing at ${route}.`)
    }
  }

  private found(query: string): unknown[] {
    return [...this.conversations.values()]
      .filter(({ title, messages }) =>
        `${title} ${messages.map(({ content }) => content).join(' ')}`.toLowerCase().includes(query.toLowerCase()),
      )
      .sort((one, other) => other.updatedAt.localeCompare(one.updatedAt))
      .map(({ messages, ...summary }) => ({ ...summary, preview: messages.at(-1)?.content.slice(0, 80) ?? '' }))
  }

  /** Writes an answer from a script, until it ends or the reader goes. */
  private async reply(conversation: Conversation, body: Body, response: ServerResponse): Promise<void> {
    const question = conversation.messages.find(({ id }) => id === body.parent)?.content ?? ''
    const script = scriptFor(question, String(body.model))
    const message = {
      id: body.id,
      parent: body.parent,
      role: 'assistant',
      content: '',
      reasoning: '',
      model: body.model,
      createdAt: new Date().toISOString(),
    } as Message
    let gone = false
    response.on('close', () => {
      gone = true
    })
    // A model that is not there yet: what is stopped now leaves nothing behind.
    while (script.silent && !gone) await new Promise((resolve) => setTimeout(resolve, 20))
    if (script.silent) return void this.stopped++
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const write = (event: ReplyEvent) => response.write(`data: ${JSON.stringify(event)}\n\n`)
    write({ type: 'start', id: message.id, model: message.model ?? '' })
    const since = Date.now()
    const tokens: { reasoning: Token[]; text: Token[] } = { reasoning: [], text: [] }
    for (const { kind, token } of tokensOf(script)) {
      await new Promise((resolve) => setTimeout(resolve, this.options.pace ?? 8))
      if (gone) break
      if (kind === 'reasoning') message.reasoning += token.text
      else message.content += token.text
      if (kind === 'text' && message.reasoning) message.reasoningMilliseconds ??= Date.now() - since
      tokens[kind].push(token)
      write({ type: `${kind}-delta`, text: token.text, ...(body.probabilities ? { tokens: [token] } : {}) })
    }
    if (gone) this.stopped++
    Object.assign(message, {
      finishReason: gone ? 'stopped' : script.error ? 'error' : (script.finishReason ?? 'stop'),
      usage: { promptTokens: 12, completionTokens: tokens.text.length, reasoningTokens: tokens.reasoning.length },
      ...(body.probabilities ? { tokens } : {}),
    })
    conversation.messages.push(message)
    Object.assign(conversation, { activeLeaf: message.id, updatedAt: new Date().toISOString() })
    if (script.error) write({ type: 'error', error: { message: script.error } })
    else write({ type: 'finish', finishReason: message.finishReason ?? 'stop', usage: message.usage ?? {}, message })
    response.end()
  }
}

function* tokensOf({ reasoning, text }: Script): Generator<{ kind: 'reasoning' | 'text'; token: Token }> {
  const probabilities = [0.98, 0.85, 0.99, 0.55, 0.93, 0.31, 0.07]
  let place = 0
  for (const [kind, whole] of [
    ['reasoning', reasoning],
    ['text', text],
  ] as const) {
    for (const part of (whole ?? '').match(/\s*[^\s]+|\s+$/g) ?? []) {
      const probability = probabilities[place++ % probabilities.length] ?? 1
      const other = { text: ' something', probability: (1 - probability) * 0.7 }
      const top = [{ text: part, probability }, other].sort((one, two) => two.probability - one.probability)
      yield { kind, token: { text: part, probability, top } }
    }
  }
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
}

function sendError(response: ServerResponse, status: number, message: string, code: string | null = null): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ error: { message, type: 'invalid_request_error', code } }))
}

function stream(response: ServerResponse, milliseconds: number, event: (step: number) => unknown): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  let step = 0
  const write = () => response.write(`data: ${JSON.stringify(event(step++))}\n\n`)
  write()
  const timer = setInterval(write, milliseconds)
  response.on('close', () => clearInterval(timer))
}
