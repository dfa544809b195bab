import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { EngineWorker } from '../generate/index.ts'
import { openStore } from '../store/index.ts'
import { RateLimits } from './access/rate-limits.ts'
import { memoryStore } from './testing/memory-store.ts'
import { lettersOnly, type TinyServer, tinyModelFolder, tinyServer } from './testing/tiny-server.ts'

const chat = '/v1/chat/completions'
const messages = [{ role: 'user', content: 'Hello' }]
const small = { messages, max_tokens: 2 }
const long = { messages, max_tokens: 400, logit_bias: lettersOnly, seed: 1 }
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` })
const json = async (response: Response) => JSON.parse(await response.text())
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** The process of a server's engine. */
async function engineOf(server: TinyServer): Promise<EngineWorker> {
  using lease = await server.running.context.pool.acquire()
  const { engine } = lease.served
  if (engine instanceof EngineWorker) return engine
  throw new Error('the engine runs in this process')
}

describe('keys', () => {
  it('are asked for on every route but two as soon as there is one', async () => {
    const store = memoryStore()
    await using server = await tinyServer({}, store)
    expect((await server.get('/v1/models')).status).toBe(200)
    const { secret } = await store.keys.create({ user: 'one' })
    server.running.context.auth.forget()
    const document = await json(await server.get('/openapi.json', bearer(secret)))
    for (const [path, methods] of Object.entries(document.paths as Record<string, object>)) {
      for (const method of Object.keys(methods)) {
        const url = server.address + path.replaceAll(/\{\w+\}/g, 'x')
        const response = await fetch(url, { method: method.toUpperCase() })
        await response.text()
        expect([path, response.status]).toEqual([path, ['/health', '/ready'].includes(path) ? expect.any(Number) : 401])
      }
    }
    for (const path of ['/metrics', '/openapi.json', '/docs', '/nothing']) {
      expect((await server.get(path)).status).toBe(401)
    }
    expect((await server.get('/health')).status).toBe(200)
    expect((await server.get('/v1/models', bearer(secret))).status).toBe(200)
    expect((await server.get('/v1/models', bearer(`${secret}x`))).status).toBe(401)
    // Only an administrator loads models anew.
    expect((await server.post('/v1/models/tiny/reload', '', bearer(secret))).status).toBe(403)
  })

  it('that try SQL are only wrong keys', async () => {
    const data = join(tmpdir(), `r1-serve-${crypto.randomUUID()}`)
    const store = await openStore({ data, url: null })
    {
      await using server = await tinyServer({ requireKeys: true }, store)
      for (const secret of ["'OR'1'='1", "x';drop/**/table/**/keys;--", '\u00ff\u00fe', 'x'.repeat(5000)]) {
        expect((await server.get('/v1/models', bearer(secret))).status).toBe(401)
      }
      const { secret } = await store.keys.create({ user: 'one' })
      expect((await server.get('/v1/models', bearer(secret))).status).toBe(200)
    }
    await rm(data, { recursive: true, force: true })
  })

  it('have limits of requests and tokens, told with the time to come again', async () => {
    const store = memoryStore()
    await using server = await tinyServer({}, store)
    const limited = await store.keys.create({ user: 'one', requestsPerMinute: 2 })
    const frugal = await store.keys.create({ user: 'other', tokensPerMinute: 10 })
    for (const status of [200, 200, 429]) {
      const response = await server.post(chat, small, bearer(limited.secret))
      expect(response.status).toBe(status)
      if (status === 429) {
        expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
        expect((await json(response)).error.type).toBe('rate_limit_error')
      }
    }
    expect((await server.post(chat, small, bearer(frugal.secret))).status).toBe(200)
    expect((await server.post(chat, small, bearer(frugal.secret))).status).toBe(429)
    await expect.poll(() => store.used.length).toBe(3)
    expect(store.used[0]).toMatchObject({ user: 'one', key: limited.key.id, completionTokens: 2 })
  })

  it('a jump of the clock gives nobody more', () => {
    let now = 1e6
    const limits = new RateLimits(() => now)
    const limit = { requestsPerMinute: 1, tokensPerMinute: undefined }
    limits.enter('a', limit)
    now -= 1e6
    expect(() => limits.enter('a', limit)).toThrow('minute')
    now += 61_000
    limits.enter('a', limit)
  })

  it('of others do not share what was computed, nor does time tell', async () => {
    const store = memoryStore()
    await using server = await tinyServer({}, store)
    const [one, other] = [await store.keys.create({ user: 'one' }), await store.keys.create({ user: 'other' })]
    const content = 'A long prompt that is computed once. '.repeat(8)
    const cached = async (secret: string, more = {}) => {
      const body = { messages: [{ role: 'user', content }], max_tokens: 1, ...more }
      return (await json(await server.post(chat, body, bearer(secret)))).usage.prompt_tokens_details.cached_tokens
    }
    expect(await cached(one.secret)).toBe(0)
    expect(await cached(one.secret)).toBeGreaterThan(100)
    expect(await cached(other.secret)).toBe(0)
    // Nor by a salt that looks like another's.
    for (const cache_salt of ['', 'user one', '["user one",""]']) {
      expect(await cached(other.secret, { cache_salt: `${cache_salt} ` })).toBe(0)
    }
  })
})

describe('too much', () => {
  it('is refused with the time to come again, before anything is computed', async () => {
    await using server = await tinyServer({ mostRequests: 3, slots: 1 })
    const responses = await Promise.all(Array.from({ length: 12 }, () => server.post(chat, long)))
    const statuses = responses.map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(3)
    expect(statuses.filter((status) => status === 503)).toHaveLength(9)
    for (const response of responses) {
      if (response.status === 503) expect(response.headers.get('retry-after')).toBe('1')
      await response.text()
    }
    expect(server.running.context.admission.inside).toBe(0)
  })

  it('of waiting tokens is refused as well', async () => {
    await using server = await tinyServer({ mostQueuedTokens: 300, slots: 1 })
    const content = 'x'.repeat(250)
    const asked = Array.from({ length: 4 }, () =>
      server.post(chat, { ...long, max_tokens: 100, messages: [{ role: 'user', content }] }),
    )
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    expect(statuses).toContain(200)
    expect(statuses).toContain(503)
    expect((await server.post(chat, small)).status).toBe(200)
  })

  it('whoever waits in a stream hears that the server lives', async () => {
    await using server = await tinyServer({ slots: 1, keepAliveSeconds: 0.05 })
    const first = server.post(chat, { ...long, max_tokens: 1500 })
    await expect.poll(() => server.running.context.pool.list()[0]?.statistics?.running).toBe(1)
    const second = await (await server.post(chat, { ...small, stream: true })).text()
    expect(second).toContain(': keep-alive\n\n')
    expect(second).toContain('[DONE]')
    await (await first).text()
  })
})

describe('models', () => {
  it('are loaded when they are asked for, unloaded when nobody does, and the first stays', async () => {
    const other = await tinyModelFolder(2)
    await using server = await tinyServer({ idleMinutes: 0.005 })
    const { address } = server
    await using both = await tinyServer({ model: [`one=${other}`, `two=${other}`], idleMinutes: 0.005 })
    const states = () => Object.fromEntries(both.running.context.pool.list().map(({ id, state }) => [id, state]))
    expect(states().two).toBe('unloaded')
    expect((await json(await both.post(chat, { ...small, model: 'two' }))).model).toBe('two')
    await expect.poll(() => states().two, { timeout: 20_000 }).toBe('unloaded')
    expect(states().one).toBe('ready')
    expect((await fetch(`${address}/ready`)).status).toBe(200)
    await rm(other, { recursive: true })
  })

  it('are loaded anew while requests are under way, also twice at once', async () => {
    await using server = await tinyServer()
    const whole = await json(await server.post(chat, long))
    const asked = Array.from({ length: 6 }, () => server.post(chat, long).then(json))
    const { pool } = server.running.context
    await Promise.all([pool.reload('tiny'), pool.reload('tiny')])
    for (const answer of await Promise.all(asked)) {
      expect(answer.choices[0].message.content).toBe(whole.choices[0].message.content)
    }
    expect((await json(await server.post(chat, long))).choices).toHaveLength(1)
  })

  it('that cannot be loaded are an error of the request, and of nothing else', async () => {
    await using server = await tinyServer({ model: [`broken=${tmpdir()}/nothing-here`], preload: false })
    const response = await server.post(chat, small)
    expect(response.status).toBe(500)
    expect((await json(response)).error.code).toBe('file_not_found')
    expect((await server.get('/health')).status).toBe(200)
  })

  it('whose process is killed answer again', async () => {
    await using server = await tinyServer({ isolate: true })
    const engine = await engineOf(server)
    const expected = await json(await server.post(chat, long))
    const streamed = await server.post(chat, { ...long, max_tokens: 3000, stream: true })
    await streamed.body?.getReader().read()
    process.kill(engine.pid as number, 'SIGKILL')
    await expect.poll(() => server.running.context.admission.inside).toBe(0)
    const again = await json(await server.post(chat, long))
    expect(again.choices[0].message.content).toBe(expected.choices[0].message.content)
    expect(engine.statistics.restarts).toBe(1)
  })
})

describe('the end', () => {
  it('comes when what is under way is finished; nothing new comes in, and no process stays', async () => {
    const server = await tinyServer({ isolate: true })
    const engine = await engineOf(server)
    const { pid } = engine
    const asked = server.post(chat, { ...long, max_tokens: 1000 })
    await expect.poll(() => engine.statistics.running).toBe(1)
    const { app } = server.running
    const drained = server.running.drain()
    const ask = (path: string, init?: RequestInit) =>
      app.request(path, { ...init, headers: { host: 'localhost', 'content-type': 'application/json' } })
    expect((await ask('/ready')).status).toBe(503)
    expect((await ask(chat, { method: 'POST', body: JSON.stringify(small) })).status).toBe(503)
    expect((await json(await asked)).usage.completion_tokens).toBe(1000)
    expect(await drained).toBe(true)
    await expect.poll(() => isAlive(pid as number)).toBe(false)
    await server[Symbol.asyncDispose]()
  })

  it('does not wait longer than it may', async () => {
    const server = await tinyServer({ drainSeconds: 0.2 })
    const asked = server.post(chat, { ...long, max_tokens: 3500, n: 4 }).then(
      (response) => response.status,
      () => 0,
    )
    await expect.poll(() => server.running.context.pool.list()[0]?.statistics?.running).toBe(4)
    expect(await server.running.drain()).toBe(false)
    expect([0, 503]).toContain(await asked)
    await server[Symbol.asyncDispose]()
  })
})

it('what the server counts is there for Prometheus', async () => {
  await using server = await tinyServer()
  await (await server.post(chat, { ...small, logit_bias: lettersOnly })).text()
  const text = await (await server.get('/metrics')).text()
  expect(text).toContain('r1:generation_tokens_total{model_name="tiny"} 2')
  expect(text).toContain('r1:request_success_total{model_name="tiny",finished_reason="length"} 1')
  expect(text).toContain('r1:num_requests_running{model_name="tiny"} 0')
  expect(text).toMatch(/r1:time_to_first_token_seconds_count\{model_name="tiny"\} 1/)
  expect(text).toMatch(/r1:inter_token_latency_seconds_bucket\{le="0.001",model_name="tiny"\}/)
  expect(text).toContain('r1:kv_cache_usage_perc{model_name="tiny"}')
})
