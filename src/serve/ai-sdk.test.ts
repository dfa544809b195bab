import { embed, embedMany, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDeepSeekR1, type DeepSeekR1Provider } from '../ai-sdk/index.ts'
import { lettersOnly, type TinyServer, tinyServer } from './testing/tiny-server.ts'

let server: TinyServer
let r1: DeepSeekR1Provider
beforeAll(async () => {
  server = await tinyServer()
  r1 = createDeepSeekR1({ baseURL: `${server.address}/v1` })
})
afterAll(() => server[Symbol.asyncDispose]())

const providerOptions = { deepseekR1: { logit_bias: lettersOnly } }
const asked = { prompt: 'Hello there', maxOutputTokens: 12, temperature: 1, seed: 5, providerOptions, maxRetries: 0 }
const city = {
  type: 'object',
  properties: { city: { enum: ['Paris', 'Rome'] } },
  required: ['city'],
  additionalProperties: false,
} as const

describe('the AI SDK through our provider', () => {
  it('generates', async () => {
    const { text, finishReason, usage } = await generateText({ model: r1('tiny'), ...asked })
    expect(text.trim().length).toBeGreaterThan(5)
    expect(finishReason).toBe('length')
    expect(usage.outputTokens).toBe(12)
  })

  it('streams the same', async () => {
    const whole = await generateText({ model: r1(), ...asked })
    const result = streamText({ model: r1('tiny'), ...asked })
    let text = ''
    for await (const delta of result.textStream) text += delta
    expect(text).toBe(whole.text)
    expect((await result.usage).outputTokens).toBe(12)
  })

  it('gives thoughts as parts of their own', async () => {
    const options = { ...providerOptions.deepseekR1, chat_template_kwargs: { thinking: true }, thinking_budget: 5 }
    const call = { model: r1('tiny'), ...asked, maxOutputTokens: 20, providerOptions: { deepseekR1: options } }
    const whole = await generateText(call)
    expect(whole.reasoningText?.trim().length).toBeGreaterThan(1)
    expect(whole.usage.outputTokenDetails.reasoningTokens).toBeGreaterThan(1)
    const kinds = new Set()
    for await (const { type } of streamText(call).stream) kinds.add(type)
    expect(kinds).toContain('reasoning-delta')
    expect(kinds).toContain('text-delta')
  })

  it('calls tools and goes on with what they say', async () => {
    const seen: unknown[] = []
    const weather = tool({
      description: 'The weather of a city.',
      inputSchema: jsonSchema<{ city: string }>(city),
      execute: async (input) => {
        seen.push(input.city)
        return 'sunny'
      },
    })
    const { steps } = await generateText({
      model: r1('tiny'),
      ...asked,
      maxOutputTokens: 100,
      tools: { weather },
      toolChoice: 'required',
      stopWhen: stepCountIs(2),
    })
    expect(seen).toHaveLength(2)
    for (const name of seen) expect(['Paris', 'Rome']).toContain(name)
    expect(steps[0]?.toolResults[0]?.output).toBe('sunny')
  })

  it('streams calls of tools', async () => {
    const weather = tool({ inputSchema: jsonSchema<{ city: string }>(city) })
    const result = streamText({
      model: r1('tiny'),
      ...asked,
      maxOutputTokens: 100,
      tools: { weather },
      toolChoice: { type: 'tool', toolName: 'weather' },
    })
    const calls = await result.toolCalls
    expect(calls).toHaveLength(1)
    expect(['Paris', 'Rome']).toContain((calls[0]?.input as { city: string } | undefined)?.city)
    expect(await result.finishReason).toBe('tool-calls')
  })

  it('gets objects of a schema', async () => {
    const output = Output.object({ schema: jsonSchema<{ city: string }>(city) })
    const result = await generateText({ model: r1('tiny'), ...asked, maxOutputTokens: 100, output })
    expect(['Paris', 'Rome']).toContain(result.output.city)
  })

  it('makes vectors', async () => {
    const one = await embed({ model: r1.embeddingModel('tiny'), value: 'Hello' })
    const many = await embedMany({ model: r1.embeddingModel(), values: ['Hello', 'Bye'] })
    expect(many.embeddings).toHaveLength(2)
    expect(many.embeddings[0]?.[0]).toBeCloseTo(one.embedding[0] as number, 5)
    expect(one.usage.tokens).toBe(5)
  })

  it('tells errors as the SDK knows them', async () => {
    const absent = generateText({ model: r1('nobody'), ...asked })
    await expect(absent).rejects.toMatchObject({ name: 'AI_APICallError', statusCode: 404, isRetryable: false })
    const nowhere = createDeepSeekR1({ baseURL: 'http://127.0.0.1:9/v1' })
    await expect(generateText({ model: nowhere('tiny'), ...asked })).rejects.toThrow('r1 serve')
  })

  it('stops when it is told to', async () => {
    const controller = new AbortController()
    const result = streamText({ model: r1('tiny'), ...asked, maxOutputTokens: 500, abortSignal: controller.signal })
    for await (const _ of result.textStream) {
      controller.abort()
      break
    }
    await expect.poll(() => server.running.context.admission.inside).toBe(0)
  })
})
