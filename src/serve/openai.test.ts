import OpenAI, { APIError, AuthenticationError, BadRequestError, NotFoundError } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lettersOnly, type TinyServer, tinyServer } from './testing/tiny-server.ts'

let server: TinyServer
let client: OpenAI
beforeAll(async () => {
  server = await tinyServer()
  client = new OpenAI({ baseURL: `${server.address}/v1`, apiKey: 'any', maxRetries: 0 })
})
afterAll(() => server[Symbol.asyncDispose]())

const messages = [{ role: 'user', content: 'Hello there' }] as const
const logit_bias = lettersOnly
const request = { model: 'tiny', messages: [...messages], max_tokens: 12, seed: 3, temperature: 1, logit_bias }
const weather = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'The weather of a city.',
    parameters: {
      type: 'object',
      properties: { city: { enum: ['Paris', 'Rome'] } },
      required: ['city'],
      additionalProperties: false,
    },
  },
} as const
const clock = { type: 'function', function: { name: 'clock', parameters: { type: 'object', properties: {} } } } as const

describe("OpenAI's client", () => {
  it('chats', async () => {
    const answer = await client.chat.completions.create(request)
    expect(answer.choices[0]?.message.role).toBe('assistant')
    expect(answer.usage?.completion_tokens).toBe(12)
    expect(answer.usage?.total_tokens).toBe((answer.usage?.prompt_tokens ?? 0) + 12)
  })

  it('streams', async () => {
    const whole = await client.chat.completions.create(request)
    const stream = await client.chat.completions.create({ ...request, stream: true })
    let text = ''
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    expect(text).toBe(whole.choices[0]?.message.content)
  })

  it('streams with its helper', async () => {
    const stream = client.chat.completions.stream({ ...request, stream_options: { include_usage: true } })
    const answer = await stream.finalChatCompletion()
    expect(answer.usage?.completion_tokens).toBe(12)
  })

  it('gets several texts of one prompt', async () => {
    const { choices, usage } = await client.chat.completions.create({ ...request, n: 3 })
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2])
    expect(new Set(choices.map(({ message }) => message.content)).size).toBeGreaterThan(1)
    expect(usage?.completion_tokens).toBe(36)
  })

  it('gets the same text for the same seed', async () => {
    const [first, second] = [
      await client.chat.completions.create(request),
      await client.chat.completions.create(request),
    ]
    expect(second.choices[0]?.message.content).toBe(first.choices[0]?.message.content)
    const other = await client.chat.completions.create({ ...request, seed: 4 })
    expect(other.choices[0]?.message.content).not.toBe(first.choices[0]?.message.content)
  })

  it('gets log-probabilities whose tokens are the text', async () => {
    const { choices } = await client.chat.completions.create({ ...request, logprobs: true, top_logprobs: 3 })
    const content = choices[0]?.logprobs?.content ?? []
    expect(content.map(({ token }) => token).join('')).toBe(choices[0]?.message.content)
    for (const { logprob, top_logprobs: top } of content) {
      expect(logprob).toBeLessThanOrEqual(0)
      expect(top).toHaveLength(3)
    }
  })

  it('ends at a stop string', async () => {
    const { choices } = await client.chat.completions.create(request)
    const text = choices[0]?.message.content ?? ''
    const stop = text.slice(4, 6)
    const stopped = await client.chat.completions.create({ ...request, stop: [stop] })
    expect(stopped.choices[0]?.message.content).toBe(text.slice(0, text.indexOf(stop)))
    expect(stopped.choices[0]?.finish_reason).toBe('stop')
  })

  it('calls the tool that it is told to call', async () => {
    const tool_choice = { type: 'function', function: { name: 'weather' } } as const
    const { choices } = await client.chat.completions.create({
      ...request,
      max_tokens: 60,
      tools: [weather, clock],
      tool_choice,
    })
    expect(choices[0]?.finish_reason).toBe('tool_calls')
    const [call] = choices[0]?.message.tool_calls ?? []
    const made = call?.type === 'function' ? call.function : undefined
    expect(made?.name).toBe('weather')
    expect(['Paris', 'Rome']).toContain(JSON.parse(made?.arguments ?? '').city)
  })

  it('calls one of several tools where it has to, streamed', async () => {
    const stream = client.chat.completions.stream({
      ...request,
      // A model of random weights writes much white space, which the grammar allows.
      max_tokens: 400,
      tools: [weather, { ...clock, function: { ...clock.function, parameters: { ...weather.function.parameters } } }],
      tool_choice: 'required',
    })
    const [call] = (await stream.finalMessage()).tool_calls ?? []
    const made = call?.type === 'function' ? call.function : undefined
    expect(['weather', 'clock']).toContain(made?.name)
    expect(['Paris', 'Rome']).toContain(JSON.parse(made?.arguments ?? '').city)
  })

  it('takes the result of a tool', async () => {
    const call = {
      id: 'call_1',
      type: 'function',
      function: { name: 'weather', arguments: '{"city":"Paris"}' },
    } as const
    const answer = await client.chat.completions.create({
      ...request,
      tools: [weather],
      messages: [
        ...messages,
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'call_1', content: 'sunny' },
      ],
    })
    expect(answer.choices[0]?.finish_reason).toBe('length')
  })

  it('gets JSON that follows a schema', async () => {
    const schema = {
      type: 'object',
      properties: { yes: { type: 'boolean' } },
      required: ['yes'],
      additionalProperties: false,
    }
    const { choices } = await client.chat.completions.create({
      ...request,
      max_tokens: 60,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
    })
    expect(typeof JSON.parse(choices[0]?.message.content ?? '').yes).toBe('boolean')
    expect(choices[0]?.finish_reason).toBe('stop')
  })

  it('goes on with a text', async () => {
    const answer = await client.completions.create({
      model: 'tiny',
      prompt: ['Once', 'Twice'],
      max_tokens: 5,
      logprobs: 2,
      logit_bias,
    })
    expect(answer.choices).toHaveLength(2)
    expect(answer.choices[0]?.logprobs?.tokens?.join('')).toBe(answer.choices[0]?.text)
    const stream = await client.completions.create({
      model: 'tiny',
      prompt: 'Once',
      max_tokens: 5,
      stream: true,
      logit_bias,
    })
    let text = ''
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? ''
    expect(text).toBe(answer.choices[0]?.text)
  })

  it('makes vectors, also as base64', async () => {
    const input = ['Hello', 'Bye']
    const { data, usage } = await client.embeddings.create({ model: 'tiny', input })
    const plain = await client.embeddings.create({ model: 'tiny', input, encoding_format: 'float' })
    expect(data).toHaveLength(2)
    expect(data[0]?.embedding.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 4)
    expect(data[1]?.embedding[3]).toBeCloseTo(plain.data[1]?.embedding[3] as number, 6)
    expect(usage.prompt_tokens).toBe(8)
  })

  it('lists models', async () => {
    const ids = []
    for await (const { id } of client.models.list()) ids.push(id)
    expect(ids).toEqual(['tiny'])
    expect((await client.models.retrieve('tiny')).object).toBe('model')
  })

  it('gets responses, whole and streamed', async () => {
    const asked = { model: 'tiny', input: 'Hello there', max_output_tokens: 9, temperature: 0 } as const
    const whole = await client.responses.create(asked)
    expect(whole.status).toBe('incomplete')
    expect(whole.usage?.output_tokens).toBe(9)
    const types = []
    let text = ''
    for await (const event of await client.responses.create({ ...asked, stream: true })) {
      types.push(event.type)
      if (event.type === 'response.output_text.delta') text += event.delta
    }
    expect(text).toBe(whole.output_text)
    expect(types.slice(0, 2)).toEqual(['response.created', 'response.in_progress'])
    expect(types.at(-1)).toBe('response.incomplete')
  })

  it('gets a call of a tool as a response', async () => {
    const { name, parameters } = weather.function
    const response = await client.responses.create({
      model: 'tiny',
      input: 'How is it in Rome?',
      max_output_tokens: 200,
      tools: [{ type: 'function', name, parameters, strict: true }],
      tool_choice: 'required',
    })
    expect(response.output[0]).toMatchObject({ type: 'function_call', name: 'weather', status: 'completed' })
  })

  it('stops the work when it is told to', async () => {
    const stream = await client.chat.completions.create({ ...request, max_tokens: 200, stream: true })
    for await (const _ of stream) break
    stream.controller.abort()
    await expect.poll(() => server.running.context.admission.inside).toBe(0)
    expect(server.running.context.pool.list()[0]?.statistics?.running).toBe(0)
  })
})

describe("errors in OpenAI's shape", () => {
  it('for a model that there is not', async () => {
    const asked = client.chat.completions.create({ ...request, model: 'nobody' })
    await expect(asked).rejects.toBeInstanceOf(NotFoundError)
    await expect(asked).rejects.toMatchObject({ code: 'model_not_found', status: 404 })
  })

  it.each([
    ['a field of a wrong type', { temperature: 'hot' }, 'temperature'],
    ['no messages', { messages: [] }, 'messages'],
    ['too many texts', { n: 9 }, 'n'],
  ])('for %s', async (_, wrong, param) => {
    const asked = client.chat.completions.create({ ...request, ...(wrong as object) })
    await expect(asked).rejects.toBeInstanceOf(BadRequestError)
    await expect(asked).rejects.toMatchObject({ param, type: 'invalid_request_error' })
  })

  it('for a prompt that is longer than the context', async () => {
    const content = 'too long '.repeat(500)
    const asked = client.chat.completions.create({ ...request, messages: [{ role: 'user', content }] })
    await expect(asked).rejects.toMatchObject({ status: 400, code: 'context_length_exceeded' })
  })

  it('for a wrong key', async () => {
    await using guarded = await tinyServer({ adminKey: 'a-key-of-sixteen-letters' })
    const asked = (apiKey: string) =>
      new OpenAI({ baseURL: `${guarded.address}/v1`, apiKey, maxRetries: 0 }).chat.completions.create(request)
    await expect(asked('wrong')).rejects.toBeInstanceOf(AuthenticationError)
    await expect(asked('a-key-of-sixteen-letters')).resolves.toBeDefined()
  })

  it('for an image: nothing is fetched', async () => {
    const image = { type: 'image_url', image_url: { url: 'http://169.254.169.254/latest' } } as const
    const asked = client.chat.completions.create({ ...request, messages: [{ role: 'user', content: [image] }] })
    await expect(asked).rejects.toMatchObject({ status: 400, code: 'unsupported_content' })
    await expect(asked).rejects.toBeInstanceOf(APIError)
  })
})
