import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lettersOnly, type TinyServer, tinyModelFolder, tinyServer } from './testing/tiny-server.ts'

let server: TinyServer
beforeAll(async () => {
  server = await tinyServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const chat = '/v1/chat/completions'
const messages = [{ role: 'user', content: 'Hello' }]
const drawn = { messages, max_tokens: 24, seed: 2, temperature: 1, logit_bias: lettersOnly }
const thinking = { ...drawn, chat_template_kwargs: { thinking: true }, thinking_budget: 6 }
const json = async (response: Response) => {
  expect(response.status).toBe(200)
  return JSON.parse(await response.text())
}
const tokens = async (body: object, at = server): Promise<number[]> =>
  (await json(await at.post('/tokenize', body))).tokens

describe('thoughts', () => {
  it('are told apart under both names, and counted', async () => {
    const { choices, usage } = await json(await server.post(chat, thinking))
    const { reasoning, reasoning_content, content } = choices[0].message
    expect(reasoning).toBe(reasoning_content)
    expect(reasoning.trim()).not.toBe('')
    expect(content.trim()).not.toBe('')
    expect(usage.completion_tokens_details.reasoning_tokens).toBeGreaterThan(0)
    expect(usage.completion_tokens_details.reasoning_tokens).toBeLessThanOrEqual(7)
    expect(usage.prompt_cache_hit_tokens + usage.prompt_cache_miss_tokens).toBe(usage.prompt_tokens)
  })

  it.each(['reasoning', 'reasoning_content'] as const)(
    'have the one name %s where that is configured',
    async (name) => {
      await using one = await tinyServer({ reasoningField: name })
      const { choices } = await json(await one.post(chat, thinking))
      const names = Object.keys(choices[0].message).filter((key) => key.startsWith('reasoning'))
      expect(names).toEqual([name])
    },
  )

  it('are left out where they are not wanted, although the template opens one', async () => {
    const { choices } = await json(
      await server.post(chat, { ...drawn, chat_template_kwargs: { thinking: true }, thinking: { type: 'disabled' } }),
    )
    expect(choices[0].message.reasoning_content).toBeUndefined()
    expect(choices[0].message.content.trim()).not.toBe('')
  })

  it('come before an answer that follows a schema', async () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'boolean' } },
      required: ['a'],
      additionalProperties: false,
    }
    const { choices } = await json(
      await server.post(chat, {
        ...thinking,
        max_tokens: 200,
        response_format: { type: 'json_schema', json_schema: { schema } },
      }),
    )
    expect(choices[0].message.reasoning_content).toBeTruthy()
    expect(typeof JSON.parse(choices[0].message.content).a).toBe('boolean')
  })
})

describe('prefix completion', () => {
  it('goes on with the last message of the assistant', async () => {
    const begun = [...messages, { role: 'assistant', content: 'Well, I', prefix: true }]
    const { usage } = await json(await server.post(chat, { ...drawn, messages: begun }))
    const prompt = await tokens({ messages })
    expect(usage.prompt_tokens).toBe(prompt.length + 'Well, I'.length)
  })
})

describe('filling in the middle', () => {
  it('shows the model both sides by its own tokens', async () => {
    const folder = await tinyModelFolder()
    const path = join(folder, 'tokenizer.json')
    const { readFile } = await import('node:fs/promises')
    const tokenizer = JSON.parse(await readFile(path, 'utf8'))
    const marks = ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>']
    for (const [at, content] of marks.entries()) {
      tokenizer.added_tokens.push({ ...tokenizer.added_tokens[0], id: 100 + at, content })
    }
    await writeFile(path, JSON.stringify(tokenizer))
    await using filling = await tinyServer({ model: `fim=${folder}` })
    const body = { prompt: 'def f(', suffix: '): pass', max_tokens: 8, temperature: 0, logit_bias: lettersOnly }
    const { usage, choices } = await json(await filling.post('/v1/completions', body))
    expect(usage.prompt_tokens).toBe('def f('.length + '): pass'.length + 3)
    expect(usage.completion_tokens).toBe(8)
    // The same prompt spelled out in tokens gives the same text.
    const [before, after] = [await tokens({ prompt: 'def f(' }, filling), await tokens({ prompt: '): pass' }, filling)]
    const prompt = [100, ...before, 101, ...after, 102]
    const spelled = await json(await filling.post('/v1/completions', { ...body, suffix: undefined, prompt }))
    expect(spelled.choices[0].text).toBe(choices[0].text)
  })
})

describe('tokens', () => {
  it('there and back', async () => {
    const ids = await tokens({ prompt: 'Hello there' })
    const back = await json(await server.post('/detokenize', { tokens: ids }))
    expect(back.prompt).toBe('Hello there')
  })
})
