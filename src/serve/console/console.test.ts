import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import { type Answer, ConsoleServer, eventsOf } from './testing/console-server.ts'

const server = await ConsoleServer.start()
afterAll(() => server[Symbol.asyncDispose]())

describe('/api/session', () => {
  it('tells who asks and which models there are', async () => {
    expect((await server.ask('GET', '/api/session')).answer).toMatchObject({
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
    const id = await server.begin({ title: 'Of whales', system: 'Be brief.', sampling: { temperature: 0.5 } })
    const first = await server.say(id, 'How deep do Narwhals dive?')
    await server.say(id, 'Or porpoises?')
    const changed = await server.ask('PATCH', `/api/conversations/${id}`, { title: 'Depths', activeLeaf: first })
    expect(changed.answer).toMatchObject({ title: 'Depths', system: 'Be brief.', activeLeaf: first })
    const { answer: found } = await server.ask('GET', '/api/conversations?query=narWHALS&limit=5')
    expect(found).toMatchObject({ items: [{ id, title: 'Depths', preview: 'How deep do Narwhals dive?' }], next: null })
    const { answer: whole } = await server.ask('GET', `/api/conversations/${id}`)
    expect(whole.messages.map(({ content }: Answer) => content)).toEqual([
      'How deep do Narwhals dive?',
      'Or porpoises?',
    ])
    expect(new Date(whole.messages[0].createdAt).getTime()).toBeGreaterThan(Date.now() - 60_000)
    expect((await server.ask('DELETE', `/api/conversations/${id}`)).answer).toEqual({ removed: true })
    expect((await server.ask('GET', `/api/conversations/${id}`)).status).toBe(404)
  })

  it('stores a message that is sent twice once', async () => {
    const id = await server.begin()
    const message = { id: randomUUID(), parent: null, content: 'once' }
    const sent = await Promise.all([1, 2].map(() => server.ask('POST', `/api/conversations/${id}/messages`, message)))
    expect(sent[0]).toEqual(sent[1])
    expect((await server.ask('GET', `/api/conversations/${id}`)).answer.messages).toHaveLength(1)
    const other = await server.ask('POST', `/api/conversations/${id}/messages`, { ...message, content: 'twice' })
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
    const found = await server.ask(method, path, body)
    expect(found).toMatchObject({ status, answer: { error: { message: expect.any(String) } } })
  })

  it('keeps U+0000 and halves of pairs out of the database and answers all the same', async () => {
    const id = await server.begin({ title: 'a\u0000b' })
    const message = { id: randomUUID(), parent: null, content: 'x\u0000\ud800y' }
    const { answer } = await server.ask('POST', `/api/conversations/${id}/messages`, message)
    expect(answer.content).toBe('x\ufffd\ufffdy')
    expect((await server.ask('GET', `/api/conversations?query=${encodeURIComponent('\u0000')}`)).status).toBe(200)
  })
})

describe('/api/system', () => {
  it('tells of the machine and the models, and once a second what happens', async () => {
    const { answer } = await server.ask('GET', '/api/system')
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
    await server.ask('GET', `/api/conversations/${randomUUID()}`)
    const text = await (await fetch(`${server.address}/metrics`)).text()
    expect(text).toMatch(/r1:store_operation_seconds_count\{operation="messages.add"\} [1-9]/)
    expect(text).toMatch(/r1:store_failures_total\{operation="conversations.get",code="not-found"\} [1-9]/)
  })
})

describe('/api/keys, /api/export and /api/data', () => {
  it('makes keys whose users see their own data only; export and removal are complete', async () => {
    const { answer: admin } = await server.ask('POST', '/api/keys', { name: 'chief', user: 'chief', admin: true })
    expect(admin.key).toMatch(/^r1-/)
    const as = (key: string) => ({ authorization: `Bearer ${key}` })
    const chief = as(admin.key)
    expect((await server.ask('GET', '/api/session')).status).toBe(401)
    const { answer: made } = await server.ask(
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
    expect((await server.ask('GET', '/api/keys', undefined, guest)).status).toBe(403)
    expect((await server.ask('POST', '/api/keys', {}, guest)).status).toBe(403)
    for (const path of ['/api/runs', '/api/runs/r', '/api/runs/r/events', '/api/system', '/api/system/events']) {
      expect((await server.ask('GET', path, undefined, guest)).status, path).toBe(403)
    }
    expect((await server.ask('GET', '/api/runs', undefined, chief)).status).toBe(200)
    expect((await server.ask('GET', '/api/system', undefined, chief)).status).toBe(200)
    const { answer: listed } = await server.ask('GET', '/api/keys', undefined, chief)
    expect(listed.items).toHaveLength(2)
    expect(JSON.stringify(listed)).not.toContain(made.key)

    const { answer: own } = await server.ask('POST', '/api/conversations', { title: 'of the guest' }, guest)
    const message = { id: randomUUID(), parent: null, content: 'private words' }
    await server.ask('POST', `/api/conversations/${own.id}/messages`, message, guest)
    expect((await server.ask('GET', `/api/conversations/${own.id}`, undefined, chief)).status).toBe(404)
    expect((await server.ask('GET', '/api/conversations?query=private', undefined, chief)).answer.items).toEqual([])
    await server.store.usage.add({ user: 'guest', key: made.id, model: 'tiny', promptTokens: 3, completionTokens: 2 })
    await server.store.runs.record({ folder: '/of/guest', user: 'guest', name: 'r', status: 'running', details: null })

    const { answer: exported } = await server.ask('GET', '/api/export', undefined, guest)
    expect(exported).toMatchObject({
      user: 'guest',
      conversations: [{ id: own.id, messages: [{ content: 'private words' }] }],
      keys: [{ id: made.id }],
      usage: [{ requests: 1, promptTokens: 3 }],
      runs: [{ folder: '/of/guest' }],
    })
    const { answer: removed } = await server.ask('DELETE', '/api/data', undefined, guest)
    expect(removed.removed).toEqual({ conversations: 1, messages: 1, keys: 1, usage: 1, runs: 1 })
    expect((await server.ask('GET', '/api/session', undefined, guest)).status).toBe(401)
    expect((await server.ask('DELETE', `/api/keys/${made.id}`, undefined, chief)).status).toBe(404)
    expect((await server.ask('DELETE', `/api/keys/${admin.id}`, undefined, chief)).answer).toEqual({ removed: true })
    expect((await server.ask('GET', '/api/session')).answer.user).toBe('local')
  })
})
