import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lettersOnly, type TinyServer, tinyServer } from './testing/tiny-server.ts'

let server: TinyServer
beforeAll(async () => {
  server = await tinyServer({ headerSeconds: 2, bodySeconds: 4, stallSeconds: 0.5, bodyBytes: 2 ** 20 })
})
afterAll(() => server[Symbol.asyncDispose]())

const chat = '/v1/chat/completions'
const messages = [{ role: 'user', content: 'Hello' }]
const small = { messages, max_tokens: 2 }

async function errorOf(response: Response) {
  return (JSON.parse(await response.text()) as { error: { message: string; type: string; code: string } }).error
}

/** What the server says to bytes that no client would send; undefined where it closes the connection without a word. */
function raw(text: string, milliseconds = 30_000): Promise<string> {
  const { hostname, port } = new URL(server.address)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text))
    let answer = ''
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error('still open'))
    }, milliseconds)
    socket.on('data', (data) => {
      answer += String(data)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(answer)
    })
  })
}

/** After whatever came before, the server answers as if nothing had been. */
async function isWell() {
  const response = await server.post(chat, small)
  expect(response.status).toBe(200)
  await response.text()
  await expect.poll(() => server.running.context.admission.inside).toBe(0)
}

describe('bad bodies', () => {
  it.each([
    ['malformed JSON', '{"messages":[}'],
    ['a number', '42'],
    ['a list', '[]'],
    ['null', 'null'],
    ['nothing', ''],
    ['a text with a lone surrogate where an object belongs', '"\\ud800"'],
    ['nesting of 100,000 levels', `{"messages":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['an empty list of messages', { messages: [] }],
    ['a huge n', { ...small, n: 1_000_000 }],
    ['17 stop strings', { ...small, stop: Array.from({ length: 17 }, (_, at) => `s${at}`) }],
    ['21 log-probabilities', { ...small, logprobs: true, top_logprobs: 21 }],
    ['a fractional n', { ...small, n: 1.5 }],
    ['a negative limit', { ...small, max_tokens: -1 }],
    ['a message without a role', { messages: [{ content: 'x' }] }],
    ['a bias for no token', { ...small, logit_bias: { 'x y': 1 } }],
    ['a bias for a token out of range', { ...small, logit_bias: { 999999: 1 } }],
    ['a malformed tool', { ...small, tools: [{ type: 'function', function: { name: 'a b' } }] }],
    [
      'parameters of a tool that are no object',
      { ...small, tools: [{ type: 'function', function: { name: 'a', parameters: 7 } }] },
    ],
    ['a tool choice that there is not', { ...small, tool_choice: { type: 'function', function: { name: 'nobody' } } }],
    [
      'arguments that are no JSON',
      {
        messages: [
          { role: 'assistant', content: '', tool_calls: [{ id: '1', function: { name: 'a', arguments: '{' } }] },
        ],
      },
    ],
    [
      'a prefix that is not the last message of the assistant',
      { messages: [{ role: 'user', content: 'x', prefix: true }] },
    ],
    ['two formats at once', { ...small, guided_regex: 'a', guided_json: {} }],
  ])('%s is a 400', async (_, body) => {
    const response = await server.post(chat, body)
    expect(response.status).toBe(400)
    expect((await errorOf(response)).type).toBe('invalid_request_error')
  })

  it.each([
    ['an empty prompt', { prompt: '' }],
    ['an empty list of prompts', { prompt: [] }],
    ['33 prompts', { prompt: Array.from({ length: 33 }, () => 'x') }],
    ['a huge best_of', { prompt: 'x', best_of: 1e9 }],
    ['token ids out of range', { prompt: [1, 2, 99_999] }],
    ['negative token ids', { prompt: [-1] }],
    ['a suffix for a model without tokens for gaps', { prompt: 'a', suffix: 'b' }],
  ])('%s is a 400', async (_, body) => {
    expect((await server.post('/v1/completions', body)).status).toBe(400)
  })

  it('another type of content is a 415', async () => {
    const response = await server.post(chat, small, { 'content-type': 'text/plain' })
    expect(response.status).toBe(415)
  })

  it('a body beyond the limit is a 413, announced or not', async () => {
    const large = JSON.stringify({ messages: [{ role: 'user', content: 'x'.repeat(2 ** 20) }] })
    expect((await server.post(chat, large)).status).toBe(413)
    const chunked = await fetch(server.address + chat, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Blob([large]).stream(),
      duplex: 'half',
    } as RequestInit)
    expect(chunked.status).toBe(413)
  })

  it('__proto__ and constructor are names like any other', async () => {
    const body = `{"messages":[{"role":"user","content":"x","__proto__":{"admin":true}}],"max_tokens":1,"__proto__":{"n":3},"chat_template_kwargs":{"__proto__":1,"constructor":"x"}}`
    const response = await server.post(chat, body)
    expect([200, 400]).toContain(response.status)
    expect(({} as Record<string, unknown>).admin).toBeUndefined()
    expect(({} as Record<string, unknown>).n).toBeUndefined()
  })

  it('lone surrogates and zero bytes are text', async () => {
    const response = await server.post(
      chat,
      '{"messages":[{"role":"user","content":"\\ud800 \\u0000 \\udfff"}],"max_tokens":2}',
    )
    expect(response.status).toBe(200)
    expect((await server.post(chat, { ...small, model: 'a\0b' })).status).toBe(404)
    expect((await server.get('/v1/models/%00')).status).toBe(404)
  })

  it('the text of a special token in a message is text', async () => {
    const tokens = async (content: string) => {
      const response = await server.post('/tokenize', { messages: [{ role: 'user', content }] })
      return (JSON.parse(await response.text()) as { tokens: number[] }).tokens
    }
    expect(await tokens('<eos>')).not.toContain(96)
  })

  it('the server answers after all that', isWell)
})

describe('templates', () => {
  it.each(['chat_template', 'messages', 'tools', 'raise_exception'])('a request cannot replace %s', async (name) => {
    const response = await server.post(chat, { ...small, chat_template_kwargs: { [name]: 'mine' } })
    expect(response.status).toBe(400)
  })

  it('nobody sets variables where the configuration forbids it', async () => {
    await using strict = await tinyServer({ templateVariables: false })
    expect((await strict.post(chat, { ...small, chat_template_kwargs: { thinking: true } })).status).toBe(400)
  })
})

describe('patterns and schemas', () => {
  it('(a+)+b takes no time', async () => {
    const response = await server.post(chat, { ...small, guided_regex: '(a+)+b', max_tokens: 8 })
    expect(response.status).toBe(200)
  })

  it.each([['(?=a)b'], ['(a)\\1'], ['['], ['a{100000}'], ['(((a{100}){100}){100})'], ['(?<!x)y']])(
    'the pattern %j is refused',
    async (guided_regex) => {
      const response = await server.post(chat, { ...small, guided_regex })
      expect(response.status).toBe(400)
      expect((await errorOf(response)).code).toBe('bad_constraint')
    },
  )

  it.each([
    ['a pattern inside that looks around', { type: 'string', pattern: '(?!x)y' }],
    ['an unknown type', { type: 'nonsense' }],
    ['a reference to nowhere', { $ref: '#/definitions/nothing' }],
    ['a reference to elsewhere', { $ref: 'http://169.254.169.254/schema.json' }],
  ])('a schema with %s is refused', async (_, schema) => {
    const response = await server.post(chat, {
      ...small,
      response_format: { type: 'json_schema', json_schema: { schema } },
    })
    expect(response.status).toBe(400)
  })

  it('a flood of different schemas leaves the server as it was', async () => {
    for (let index = 0; index < 80; index++) {
      const schema = { type: 'object', properties: { [`p${index}`]: { type: 'integer' } } }
      const response = await server.post(chat, { ...small, guided_json: schema })
      expect(response.status).toBe(200)
      await response.text()
    }
  })

  it('the server answers after all that', isWell)
})

describe('connections', () => {
  it('giant headers are refused', async () => {
    const answer = await raw(`GET /health HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1.1 431/)
  })

  it('headers that come too slowly are cut off', async () => {
    const answer = await raw('GET /health HTTP/1.1\r\nHost: localhost\r\nX-')
    expect(answer).toMatch(/^HTTP\/1.1 408/)
  })

  it('a body that comes too slowly is cut off', async () => {
    const head =
      'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"me'
    await raw(head)
    await isWell()
  })

  it.each(['evil.example', 'localhost.evil.example', '127.0.0.1@evil.example', 'a b', '', 'localhost:99999999'])(
    'the name %j is not this server',
    async (host) => {
      const answer = await raw(`GET /v1/models HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      expect(answer).toMatch(/^HTTP\/1.1 (400|403)/)
    },
  )

  it('pages of other sites are refused, also when they ask first', async () => {
    const foreign = { origin: 'https://evil.example' }
    expect((await server.get('/v1/models', foreign)).status).toBe(403)
    const asked = await fetch(server.address + chat, { method: 'OPTIONS', headers: foreign })
    expect(asked.status).toBe(403)
    expect(asked.headers.get('access-control-allow-origin')).toBeNull()
    await using friendly = await tinyServer({ corsOrigins: ['https://good.example'] })
    const allowed = await friendly.get('/v1/models', { origin: 'https://good.example' })
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://good.example')
    expect((await friendly.get('/v1/models', foreign)).status).toBe(403)
  })

  it.each([
    '/../package.json',
    '/%2e%2e/package.json',
    '/assets/..%2f..%2fpackage.json',
    '/..\\package.json',
    '//etc/passwd',
  ])('%s is no way out of the console', async (path) => {
    const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1.1 40[034]/)
    expect(answer).not.toContain('deepseek-r1"')
  })

  it('a client that goes in the middle stops the work', async () => {
    const controller = new AbortController()
    const body = JSON.stringify({ messages, max_tokens: 3000, logit_bias: lettersOnly, stream: true })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(server.address + chat, { method: 'POST', body, headers, signal: controller.signal })
    await response.body?.getReader().read()
    controller.abort()
    await expect.poll(() => server.running.context.pool.list()[0]?.statistics?.running).toBe(0)
    await isWell()
  })

  it('a client that goes before the answer stops the work', async () => {
    const controller = new AbortController()
    const body = JSON.stringify({ messages, max_tokens: 3000, logit_bias: lettersOnly })
    const headers = { 'content-type': 'application/json' }
    const asked = fetch(server.address + chat, { method: 'POST', body, headers, signal: controller.signal })
    await expect.poll(() => server.running.context.pool.list()[0]?.statistics?.running).toBe(1)
    controller.abort()
    await expect(asked).rejects.toThrow()
    await isWell()
  })

  it('a reader that takes nothing is cut off, and holds up nobody', async () => {
    const { hostname, port } = new URL(server.address)
    const body = JSON.stringify({
      messages,
      n: 8,
      max_tokens: 3000,
      logprobs: true,
      top_logprobs: 20,
      logit_bias: lettersOnly,
      stream: true,
    })
    const socket = connect(Number(port), hostname)
    socket.on('error', () => undefined)
    socket.pause()
    socket.write(
      `POST ${chat} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await expect.poll(() => server.running.context.admission.inside, { timeout: 20_000 }).toBeGreaterThan(0)
    await expect.poll(() => server.running.context.admission.inside, { timeout: 60_000, interval: 200 }).toBe(0)
    socket.destroy()
    await isWell()
  })
})
