import { randomUUID } from 'node:crypto'
import { appendFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore, type Store } from '../../store/index.ts'
import { type TinyServer, tinyServer } from '../testing/tiny-server.ts'

let data: string
let store: Store
let server: TinyServer
let runs: string

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'r1-console-'))
  runs = join(data, 'runs')
  await mkdir(runs)
  store = await openStore({ data, url: null })
  server = await tinyServer({ runs, slots: 2 }, store)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(data, { recursive: true, force: true })
})

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
type Answer = any

async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(server.address + path, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, answer: JSON.parse(await response.text()) as Answer }
}

async function begin(fields: object = {}): Promise<string> {
  const { answer } = await ask('POST', '/api/conversations', { id: randomUUID(), ...fields })
  return answer.id
}

async function say(conversation: string, content: string, parent: string | null = null): Promise<string> {
  const message = { id: randomUUID(), parent, content }
  const { status } = await ask('POST', `/api/conversations/${conversation}/messages`, message)
  expect(status).toBe(200)
  return message.id
}

/** Events of a stream, until it ends or enough was seen. */
async function* eventsOf(response: Response): AsyncGenerator<Answer, void, void> {
  let text = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk
    const parts = text.split('\n\n')
    text = parts.pop() ?? ''
    for (const part of parts) if (part.startsWith('data: ')) yield JSON.parse(part.slice('data: '.length))
  }
}

async function all(response: Response): Promise<Answer[]> {
  const found: Answer[] = []
  for await (const event of eventsOf(response)) found.push(event)
  return found
}

const reply = (conversation: string, body: object, signal?: AbortSignal) =>
  fetch(`${server.address}/api/conversations/${conversation}/replies`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: randomUUID(), ...body }),
    ...(signal && { signal }),
  })

describe('/api/session', () => {
  it('tells who asks and which models there are', async () => {
    expect((await ask('GET', '/api/session')).answer).toMatchObject({
      user: 'local',
      admin: true,
      keysRequired: false,
      defaultModel: 'tiny',
      models: [{ id: 'tiny' }],
    })
  })
})

describe('/api/conversations', () => {
  it('begins one, changes it, finds it, gives it with its messages and removes it', async () => {
    const id = await begin({ title: 'Of whales', system: 'Be brief.', sampling: { temperature: 0.5 } })
    const first = await say(id, 'How deep do Narwhals dive?')
    await say(id, 'Or porpoises?')
    const changed = await ask('PATCH', `/api/conversations/${id}`, { title: 'Depths', activeLeaf: first })
    expect(changed.answer).toMatchObject({ title: 'Depths', system: 'Be brief.', activeLeaf: first })
    const { answer: found } = await ask('GET', '/api/conversations?query=narWHALS&limit=5')
    expect(found).toMatchObject({ items: [{ id, title: 'Depths', preview: 'How deep do Narwhals dive?' }], next: null })
    const { answer: whole } = await ask('GET', `/api/conversations/${id}`)
    expect(whole.messages.map(({ content }: Answer) => content)).toEqual([
      'How deep do Narwhals dive?',
      'Or porpoises?',
    ])
    expect(new Date(whole.messages[0].createdAt).getTime()).toBeGreaterThan(Date.now() - 60_000)
    expect((await ask('DELETE', `/api/conversations/${id}`)).answer).toEqual({ removed: true })
    expect((await ask('GET', `/api/conversations/${id}`)).status).toBe(404)
  })

  it('stores a message that is sent twice once', async () => {
    const id = await begin()
    const message = { id: randomUUID(), parent: null, content: 'once' }
    const sent = await Promise.all([1, 2].map(() => ask('POST', `/api/conversations/${id}/messages`, message)))
    expect(sent[0]).toEqual(sent[1])
    expect((await ask('GET', `/api/conversations/${id}`)).answer.messages).toHaveLength(1)
    const other = await ask('POST', `/api/conversations/${id}/messages`, { ...message, content: 'twice' })
    expect(other).toMatchObject({ status: 409, answer: { error: { code: 'conflict' } } })
  })

  it.each([
    ['POST', '/api/conversations', { id: 'not a uuid' }, 400],
    ['POST', '/api/conversations', { title: 'x'.repeat(1001) }, 400],
    ['POST', '/api/conversations', { sampling: { temperature: 'hot' } }, 400],
    ['POST', `/api/conversations/${randomUUID()}/messages`, { id: randomUUID(), parent: null, content: 'x' }, 404],
    ['POST', `/api/conversations/${randomUUID()}/replies`, { id: randomUUID(), parent: randomUUID() }, 404],
    ['GET', '/api/conversations?cursor=x', undefined, 400],
    ['GET', '/api/conversations?limit=1e9', undefined, 400],
    ['GET', "/api/conversations/' or 1=1", undefined, 400],
  ] as const)('answers %s %s %j with %i, in the shape of errors', async (method, path, body, status) => {
    const found = await ask(method, path, body)
    expect(found).toMatchObject({ status, answer: { error: { message: expect.any(String) } } })
  })

  it('keeps U+0000 and halves of pairs out of the database and answers all the same', async () => {
    const id = await begin({ title: 'a\u0000b' })
    const message = { id: randomUUID(), parent: null, content: 'x\u0000\ud800y' }
    const { answer } = await ask('POST', `/api/conversations/${id}/messages`, message)
    expect(answer.content).toBe('x\ufffd\ufffdy')
    expect((await ask('GET', `/api/conversations?query=${encodeURIComponent('\u0000')}`)).status).toBe(200)
  })
})

describe('/api/conversations/:id/replies', () => {
  it('writes an answer with its probabilities and stores it', async () => {
    const id = await begin({ system: 'S' })
    const parent = await say(id, 'Hello')
    const body = { id: randomUUID(), parent, probabilities: true, sampling: { maxTokens: 12, seed: 3, temperature: 1 } }
    const events = await all(await reply(id, body))
    const [start] = events
    expect(start).toEqual({ type: 'start', id: body.id, model: 'tiny' })
    const deltas = events.filter(({ type }) => type.endsWith('-delta'))
    const finish = events.at(-1)
    expect(finish).toMatchObject({ type: 'finish', finishReason: 'length', usage: { completionTokens: 12 } })
    expect(deltas.map(({ text }) => text).join('')).toBe(finish.message.content)
    expect(deltas[0].tokens[0]).toMatchObject({ probability: expect.any(Number), top: expect.any(Array) })
    const { answer } = await ask('GET', `/api/conversations/${id}`)
    expect(answer.messages[1]).toEqual(finish.message)
    expect(answer).toMatchObject({
      activeLeaf: body.id,
      messages: [{}, { parent, tokens: { text: expect.any(Array) } }],
    })
    // Asked for again, since the end was not seen: the same answer, and none besides it.
    const repeated = await all(await reply(id, body))
    expect(repeated.at(-1)).toEqual(finish)
    expect((await ask('GET', `/api/conversations/${id}`)).answer.messages).toHaveLength(2)
  })

  it('stops the engine when the client goes, and stores what was written so far', async () => {
    const id = await begin()
    const parent = await say(id, 'Go on and on')
    const controller = new AbortController()
    const body = { id: randomUUID(), parent, sampling: { maxTokens: 4000, seed: 1, temperature: 1 } }
    const response = await reply(id, body, controller.signal)
    let seen = 0
    try {
      for await (const event of eventsOf(response)) if (event.type === 'text-delta' && ++seen === 3) controller.abort()
    } catch {
      // The reader went.
    }
    expect(seen).toBeGreaterThanOrEqual(3)
    let message: Answer
    for (let tries = 0; tries < 100 && !message; tries++) {
      await sleep(50)
      message = (await ask('GET', `/api/conversations/${id}`)).answer.messages[1]
    }
    expect(message).toMatchObject({ id: body.id, finishReason: 'stopped' })
    expect(message.content.length).toBeGreaterThan(0)
    expect(message.content.length).toBeLessThan(4000)
    for (let tries = 0; tries < 100; tries++) {
      const { running } = (await ask('GET', '/api/system')).answer.engine
      if (running === 0) return
      await sleep(50)
    }
    expect.unreachable('the engine goes on')
  })

  it('stores an empty answer that was stopped where the client goes before the first word', async () => {
    const id = await begin()
    const parent = await say(id, 'Never mind')
    // Two texts that fill the slots: the third waits, and has said nothing when its reader leaves.
    const fill = new AbortController()
    const long = { sampling: { maxTokens: 4000, temperature: 1 } }
    const other = await begin()
    const question = await say(other, 'Go on')
    await Promise.all([0, 1].map(() => reply(other, { id: randomUUID(), parent: question, ...long }, fill.signal)))
    const controller = new AbortController()
    const body = { id: randomUUID(), parent }
    const waiting = reply(id, body, controller.signal).then((response) => response.text())
    await sleep(100)
    controller.abort()
    await expect(waiting).rejects.toThrow()
    fill.abort()
    let messages: Answer[] = []
    for (let tries = 0; tries < 100 && messages.length < 2; tries++) {
      await sleep(50)
      messages = (await ask('GET', `/api/conversations/${id}`)).answer.messages
    }
    expect(messages).toMatchObject([
      { id: parent, content: 'Never mind' },
      { id: body.id, parent, content: '', finishReason: 'stopped' },
    ])
  })

  it('writes two answers to one question beside each other, but not one of them twice', async () => {
    const id = await begin()
    const parent = await say(id, 'Which?')
    const body = { id: randomUUID(), parent, sampling: { maxTokens: 200, temperature: 1 } }
    const replies = await Promise.all([body, body, { ...body, id: randomUUID() }].map((each) => reply(id, each)))
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 200, 409])
    expect(replies[2]?.status).toBe(200)
    await Promise.all(replies.map((response) => response.text()))
    const { answer } = await ask('GET', `/api/conversations/${id}`)
    expect(answer.messages.map((message: Answer) => message.parent)).toEqual([null, parent, parent])
  })

  it('says before the first event what is wrong', async () => {
    const id = await begin()
    const parent = await say(id, 'x')
    const unknown = await reply(id, { parent, model: 'none such' })
    expect([unknown.status, unknown.headers.get('content-type')]).toEqual([404, 'application/json'])
    expect((await reply(id, { parent: randomUUID() })).status).toBe(404)
    expect((await reply(id, { id: parent, parent })).status).toBe(409)
  })
})

describe('/api/runs', () => {
  const stage = (name: string, ...rest: string[]) => join(runs, 'countdown', name, ...rest)
  beforeAll(async () => {
    await mkdir(stage('00-model'), { recursive: true })
    await mkdir(stage('01-sft'))
    await mkdir(stage('02-grpo'))
    const about = { version: 1, seed: 7, options: { rate: 0.1 } }
    await writeFile(stage('01-sft', 'run.json'), JSON.stringify({ ...about, stage: 'sft', status: 'done', result: {} }))
    await writeFile(stage('02-grpo', 'run.json'), JSON.stringify({ ...about, stage: 'grpo', status: 'running' }))
    const lines = [1, 2, 3].map((step) => `${JSON.stringify({ step, steps: 9, loss: 1 / step })}\n`)
    await writeFile(stage('01-sft', 'metrics.jsonl'), `${lines.join('')}{"step":4,"cut`)
    await writeFile(stage('02-grpo', 'metrics.jsonl'), lines[0] ?? '')
    await writeFile(stage('02-grpo', 'samples.jsonl'), [1, 1, 2].map((step) => `{"step":${step}}\n`).join(''))
    await writeFile(join(runs, 'a-file'), '')
    await writeFile(join(data, 'secret.jsonl'), '{"secret":1}\n')
  })

  it('lists runs with the state of their stages', async () => {
    const { answer } = await ask('GET', '/api/runs')
    expect(answer.items).toMatchObject([
      {
        name: 'countdown',
        status: 'running',
        stages: [
          { index: 1, name: '01-sft', kind: 'sft', status: 'finished', step: 3, steps: 9 },
          { index: 2, name: '02-grpo', kind: 'grpo', status: 'running', step: 1, loss: 1 },
        ],
      },
    ])
    const { answer: one } = await ask('GET', '/api/runs/countdown')
    expect(one.config).toMatchObject({ seed: 7, stages: [{ stage: 'sft', options: { rate: 0.1 } }, { stage: 'grpo' }] })
  })

  it('gives metrics from a place on, whole lines only, and samples of a step', async () => {
    const { answer } = await ask('GET', '/api/runs/countdown/metrics?stage=01-sft')
    expect(answer.rows.map(({ step }: Answer) => step)).toEqual([1, 2, 3])
    const rest = await ask('GET', `/api/runs/countdown/metrics?stage=01-sft&after=${answer.next}`)
    expect(rest.answer).toEqual({ rows: [], next: answer.next })
    const again = await ask('GET', '/api/runs/countdown/metrics?stage=01-sft&after=1000000')
    expect(again.answer).toEqual(answer)
    const samples = await ask('GET', '/api/runs/countdown/samples?stage=02-grpo&step=1')
    expect(samples.answer.rows).toEqual([{ step: 1 }, { step: 1 }])
    expect((await ask('GET', '/api/runs/countdown/samples?stage=02-grpo&limit=1')).answer.rows).toEqual([{ step: 2 }])
    expect((await ask('GET', '/api/runs/countdown/samples?stage=01-sft')).answer.rows).toEqual([])
  })

  it('tells new rows and changes as the files grow', async () => {
    const controller = new AbortController()
    const response = await fetch(`${server.address}/api/runs/countdown/events`, { signal: controller.signal })
    const events = eventsOf(response)
    expect((await events.next()).value).toMatchObject({ type: 'status', status: 'running' })
    await appendFile(stage('02-grpo', 'metrics.jsonl'), '{"step":2,"loss":0.5}\n')
    expect((await events.next()).value).toMatchObject({
      type: 'metrics',
      stage: '02-grpo',
      rows: [{ step: 2, loss: 0.5 }],
    })
    await writeFile(stage('02-grpo', 'run.json'), JSON.stringify({ stage: 'grpo', status: 'done', options: {} }))
    expect((await events.next()).value).toMatchObject({ type: 'status', status: 'finished' })
    controller.abort()
    await events.next().catch(() => undefined)
  })

  it('shows runs of other folders that it was told of, and how they ended', async () => {
    const folder = join(data, 'mine', 'told')
    await mkdir(join(folder, '01-sft'), { recursive: true })
    await writeFile(join(folder, '01-sft', 'run.json'), JSON.stringify({ stage: 'sft', status: 'running' }))
    await writeFile(join(folder, '01-sft', 'metrics.jsonl'), '{"step":1}\n')
    expect((await ask('GET', '/api/runs/told')).status).toBe(404)
    const said: string[] = []
    for (const [status, where] of [
      ['running', folder],
      ['failed', folder],
      ['running', '/etc/x'],
      ['running', 'told'],
    ]) {
      const about = { folder: where, name: 'told', status }
      said.push(`${status} ${(await ask('POST', '/api/runs', about)).status}`)
      if (where === folder) said.push((await ask('GET', '/api/runs/told')).answer.status)
    }
    expect(said).toEqual(['running 200', 'running', 'failed 200', 'failed', 'running 400', 'running 400'])
    expect((await ask('GET', '/api/runs/told/metrics?stage=01-sft')).answer.rows).toEqual([{ step: 1 }])
    const { answer } = await ask('GET', '/api/runs')
    expect(answer.items.map(({ name, status }: Answer) => `${name} ${status}`).sort()).toEqual([
      'countdown finished',
      'told failed',
    ])
    await rm(folder, { recursive: true })
    expect((await ask('GET', '/api/runs')).answer.items).toHaveLength(1)
  })

  it('reads nothing outside the folder of runs', async () => {
    await symlink(data, join(runs, 'link'))
    await mkdir(join(data, 'elsewhere', '01-x'), { recursive: true })
    await symlink(join(data, 'elsewhere'), join(runs, 'other'))
    await mkdir(stage('03-linked'))
    await symlink(join(data, 'secret.jsonl'), stage('03-linked', 'metrics.jsonl'))
    const names = ['..', '%2e%2e', '..%2f..%2fetc', 'link', 'other', '.', 'a-file', 'x%00y', encodeURIComponent(data)]
    for (const name of names) {
      const { status, answer } = await ask('GET', `/api/runs/${name}/metrics?stage=01-x`)
      expect([name, status]).toEqual([name, 404])
      expect(JSON.stringify(answer)).not.toContain('secret')
    }
    for (const name of ['..', '../..', '01-sft/../../..', '/etc', '01-sft\u0000']) {
      const path = `/api/runs/countdown/metrics?stage=${encodeURIComponent(name)}`
      expect((await ask('GET', path)).status).toBe(404)
    }
    const linked = await ask('GET', '/api/runs/countdown/metrics?stage=03-linked')
    expect(linked.answer).toEqual({ rows: [], next: 0 })
    expect((await ask('GET', '/api/runs')).answer.items).toHaveLength(1)
  })
})

describe('/api/system', () => {
  it('tells of the machine and the models, and once a second what happens', async () => {
    const { answer } = await ask('GET', '/api/system')
    expect(answer).toMatchObject({ node: process.version, device: 'cpu', engine: { running: 0, waiting: 0 } })
    expect(answer.models[0]).toMatchObject({ id: 'tiny', state: 'ready', context: expect.any(Number) })
    const controller = new AbortController()
    const response = await fetch(`${server.address}/api/system/events`, { signal: controller.signal })
    const events = eventsOf(response)
    const tick = (await events.next()).value
    expect(tick).toMatchObject({ running: 0, generationTokensPerSecond: 0, rss: expect.any(Number) })
    controller.abort()
    await events.next().catch(() => undefined)
  })
})

describe('/metrics', () => {
  it('tells how long the store took, and what failed', async () => {
    await ask('GET', `/api/conversations/${randomUUID()}`)
    const text = await (await fetch(`${server.address}/metrics`)).text()
    expect(text).toMatch(/r1:store_operation_seconds_count\{operation="messages.add"\} [1-9]/)
    expect(text).toMatch(/r1:store_failures_total\{operation="conversations.get",code="not-found"\} [1-9]/)
  })
})

describe('/api/keys, /api/export and /api/data', () => {
  it('makes keys whose users see their own data only; export and removal are complete', async () => {
    const { answer: admin } = await ask('POST', '/api/keys', { name: 'chief', user: 'chief', admin: true })
    expect(admin.key).toMatch(/^r1-/)
    const as = (key: string) => ({ authorization: `Bearer ${key}` })
    const chief = as(admin.key)
    expect((await ask('GET', '/api/session')).status).toBe(401)
    const { answer: made } = await ask(
      'POST',
      '/api/keys',
      { name: 'laptop', user: 'guest', requestsPerMinute: 9 },
      chief,
    )
    expect(made).toMatchObject({
      user: 'guest',
      admin: false,
      requestsPerMinute: 9,
      key: expect.stringMatching(/^r1-/),
    })
    const guest = as(made.key)
    expect((await ask('GET', '/api/keys', undefined, guest)).status).toBe(403)
    expect((await ask('POST', '/api/keys', {}, guest)).status).toBe(403)
    for (const path of ['/api/runs', '/api/runs/r', '/api/runs/r/events', '/api/system', '/api/system/events']) {
      expect((await ask('GET', path, undefined, guest)).status, path).toBe(403)
    }
    expect((await ask('GET', '/api/runs', undefined, chief)).status).toBe(200)
    expect((await ask('GET', '/api/system', undefined, chief)).status).toBe(200)
    const { answer: listed } = await ask('GET', '/api/keys', undefined, chief)
    expect(listed.items).toHaveLength(2)
    expect(JSON.stringify(listed)).not.toContain(made.key)

    const { answer: own } = await ask('POST', '/api/conversations', { title: 'of the guest' }, guest)
    const message = { id: randomUUID(), parent: null, content: 'private words' }
    await ask('POST', `/api/conversations/${own.id}/messages`, message, guest)
    expect((await ask('GET', `/api/conversations/${own.id}`, undefined, chief)).status).toBe(404)
    expect((await ask('GET', '/api/conversations?query=private', undefined, chief)).answer.items).toEqual([])
    await store.usage.add({ user: 'guest', key: made.id, model: 'tiny', promptTokens: 3, completionTokens: 2 })
    await store.runs.record({ folder: '/of/guest', user: 'guest', name: 'r', status: 'running', details: null })

    const { answer: exported } = await ask('GET', '/api/export', undefined, guest)
    expect(exported).toMatchObject({
      user: 'guest',
      conversations: [{ id: own.id, messages: [{ content: 'private words' }] }],
      keys: [{ id: made.id }],
      usage: [{ requests: 1, promptTokens: 3 }],
      runs: [{ folder: '/of/guest' }],
    })
    const { answer: removed } = await ask('DELETE', '/api/data', undefined, guest)
    expect(removed.removed).toEqual({ conversations: 1, messages: 1, keys: 1, usage: 1, runs: 1 })
    expect((await ask('GET', '/api/session', undefined, guest)).status).toBe(401)
    expect((await ask('DELETE', `/api/keys/${made.id}`, undefined, chief)).status).toBe(404)
    expect((await ask('DELETE', `/api/keys/${admin.id}`, undefined, chief)).answer).toEqual({ removed: true })
    expect((await ask('GET', '/api/session')).answer.user).toBe('local')
  })
})
