import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lettersOnly, type TinyServer, tinyServer } from './testing/tiny-server.ts'

let server: TinyServer
beforeAll(async () => {
  server = await tinyServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const messages = [{ role: 'user', content: 'Hello there' }]

async function chunksOf(response: Response) {
  const text = await response.text()
  const data = text
    .split('\n\n')
    .filter((part) => part.startsWith('data: '))
    .map((part) => part.slice('data: '.length))
  expect(data.at(-1)).toBe('[DONE]')
  return data.slice(0, -1).map((part) => JSON.parse(part))
}

describe('/v1/chat/completions', () => {
  it('answers', async () => {
    const response = await server.post('/v1/chat/completions', { messages, max_tokens: 8, seed: 1 })
    const answer = await response.json()
    expect(answer).toMatchObject({
      object: 'chat.completion',
      model: 'tiny',
      choices: [{ index: 0, message: { role: 'assistant' } }],
      usage: { completion_tokens: 8 },
    })
    expect(response.status).toBe(200)
  })

  it('gives the same text streamed as whole', async () => {
    const request = { messages, max_tokens: 12, seed: 5, temperature: 1, logit_bias: lettersOnly }
    const whole = JSON.parse(await (await server.post('/v1/chat/completions', request)).text())
    const chunks = await chunksOf(
      await server.post('/v1/chat/completions', { ...request, stream: true, stream_options: { include_usage: true } }),
    )
    const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
    expect(text).toBe(whole.choices[0].message.content)
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    expect(new Set(chunks.map(({ created }) => created)).size).toBe(1)
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 12 } })
    expect(chunks.at(-2).choices[0].finish_reason).toBe('length')
  })
})
