import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Conversation } from './conversation.ts'
import { DeepSeekR1 } from './deepseek-r1.ts'
import { Generator } from './generator.ts'
import { piecesOf } from './pieces.ts'
import { QASystem } from './qa-system.ts'
import { Summarizer } from './summarizer.ts'
import { tinyTextModel } from './testing/text-model.ts'
import type { GenerateOptions, GenerationEvent } from './text/options.ts'

let model: DeepSeekR1
beforeAll(async () => {
  model = await DeepSeekR1.fromModel(await tinyTextModel(), { slots: 4, context: 128, chunk: 32 })
})
afterAll(() => model.close())

/** Random letters, and no end before the last one. */
const drawn = { temperature: 1, maxNewTokens: 24, logitBias: { 96: -100 } }

async function eventsOf(events: AsyncIterable<GenerationEvent>): Promise<GenerationEvent[]> {
  const all: GenerationEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

describe('generate', () => {
  it('writes the same text for the same seed, whole, streamed and among others', async () => {
    const options = { ...drawn, seed: 5 }
    const { text, finishReason, usage } = await model.generate('hello', options)
    expect(finishReason).toBe('length')
    expect(usage).toMatchObject({ newTokens: 24, reasoningTokens: 0 })
    const [events, crowd] = await Promise.all([
      eventsOf(model.generateStream('hello', options)),
      Promise.all(Array.from({ length: 6 }, (_, seed) => model.generate('hello', { ...drawn, seed }))),
    ])
    const streamed = events.map((event) => (event.type === 'text-delta' ? event.delta : '')).join('')
    expect(streamed).toBe(text)
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'length' })
    expect(crowd[5]?.text).toBe(text)
    expect(new Set(crowd.map((one) => one.text)).size).toBe(6)
  })

  it('writes several texts over one prompt that is computed once', async () => {
    const { choices, text } = await model.generate('several of them', { ...drawn, seed: 1, n: 3 })
    expect(choices[0]?.text).toBe(text)
    expect(new Set(choices.map((choice) => choice.text)).size).toBe(3)
    const computed = choices.map(({ usage }) => usage.promptTokens - usage.cachedTokens)
    expect(computed.slice(1)).toEqual([1, 1])
    const alone = await model.generate('several of them', { ...drawn, seed: 1 })
    expect(alone.text).toBe(text)
  })

  it('searches with beams, and refuses to draw at the same time', async () => {
    const { choices, text, finishReason } = await model.generate('search', { beams: 3, maxNewTokens: 5 })
    expect(choices).toHaveLength(3)
    expect(new Set(choices.map(({ tokens }) => tokens.map(({ id }) => id).join())).size).toBe(3)
    expect(choices[0]?.text).toBe(text)
    expect(['length', 'stop']).toContain(finishReason)
    await expect(model.generate('x', { beams: 3, temperature: 1 })).rejects.toMatchObject({ code: 'bad-option' })
  })

  it('ends before a stop string', async () => {
    const { text } = await model.generate('stop', { ...drawn, seed: 2 })
    const stop = text.slice(7, 9)
    const stopped = await model.generate('stop', { ...drawn, seed: 2, stop })
    expect(stopped.text).toBe(text.slice(0, text.indexOf(stop)))
    expect(stopped.finishReason).toBe('stop')
  })

  it('ends a thought when its budget is spent', async () => {
    const options = { ...drawn, seed: 3, templateVariables: { thinking: true } }
    const thought = await model.generate('think', { ...options, thinkingBudget: 6 })
    expect(thought.reasoning).toBeDefined()
    expect(thought.tokens[6]?.id).toBe(98)
    expect(thought.text.length).toBeGreaterThan(0)
    const none = await model.generate('think', { ...options, thinkingBudget: 0 })
    expect(none.tokens[0]?.id).toBe(98)
    expect(none.reasoning).toBeUndefined()
    const unasked = await model.generate('think', { ...drawn, seed: 3, thinkingBudget: 6 })
    expect(unasked.tokens.map(({ id }) => id)).not.toContain(98)
  })

  it('follows a schema, a pattern and a grammar, thoughts left free', async () => {
    const schema = {
      type: 'object',
      properties: { name: { type: 'string', maxLength: 5 }, count: { type: 'integer', maximum: 99 } },
      required: ['name', 'count'],
      additionalProperties: false,
    }
    const options = { temperature: 1.5, maxNewTokens: 80 }
    for (const seed of [1, 2, 3]) {
      const { text, finishReason } = await model.generate('json', { ...options, seed, schema, lookup: true })
      if (finishReason === 'stop') {
        const found = JSON.parse(text)
        expect(Object.keys(found)).toEqual(['name', 'count'])
        expect(Number.isInteger(found.count)).toBe(true)
      } else expect(text).toMatch(/^\s*\{/)
      const date = await model.generate('date', { ...options, seed, regex: '[12][0-9]{3}-[01][0-9]' })
      expect(date.text).toMatch(/^[12][0-9]{3}-[01][0-9]$/)
    }
    const thinking = { thinking: true }
    const answer = await model.generate('yes?', {
      ...options,
      ...{ seed: 1, thinkingBudget: 5, templateVariables: thinking, grammar: 'root ::= "yes" | "no"' },
    })
    expect(answer.text).toMatch(/^(yes|no)$/)
    expect(answer.reasoning).toBeDefined()
    for (const wrong of [
      { grammar: 'root ::= (' },
      { regex: '(' },
      { schema: 'x' as never },
      { regex: 'a', schema: true },
    ])
      await expect(model.generate('x', wrong as GenerateOptions)).rejects.toMatchObject({
        code: 'grammar' in wrong || !('schema' in wrong && 'regex' in wrong) ? 'bad-constraint' : 'bad-option',
      })
  })

  it('says what is wrong with a prompt and with options', async () => {
    const code = (promise: Promise<unknown>) => promise.catch((error: { code: string }) => error.code)
    expect(await code(model.generate([]))).toBe('bad-argument')
    expect(await code(model.generate([{ role: 'user' } as never]))).toBe('bad-argument')
    expect(await code(model.generate('', { raw: true }))).toBe('empty-prompt')
    expect(await code(model.generate('x'.repeat(200)))).toBe('context-too-long')
    expect(await code(model.generate('x', { n: 1000 }))).toBe('bad-option')
    expect(await code(model.generate('x', { stop: Array.from({ length: 17 }, String) }))).toBe('bad-option')
    expect(await code(model.generate('x', { signal: AbortSignal.abort() }))).not.toBeUndefined()
    expect(await code(DeepSeekR1.fromPretrained())).toBe('no-shipped-model')
    expect(await code(DeepSeekR1.fromPretrained('./nowhere.gguf'))).toBe('file-not-found')
  })

  it('makes vectors of length 1, the same alone and side by side', async () => {
    const texts = ['a cat', 'a much longer text about something else', '?']
    const vectors = await model.embed(texts)
    for (const [index, text] of texts.entries()) {
      const alone = await model.embed(text)
      expect(alone).toHaveLength(32)
      expect(Math.hypot(...alone)).toBeCloseTo(1, 5)
      for (const [at, value] of alone.entries()) expect(vectors[index]?.[at]).toBeCloseTo(value, 5)
    }
  })
})

describe('a conversation', () => {
  it('remembers, leaves out the oldest turns when the context is full, and takes back', async () => {
    const conversation = new Conversation(model, { system: 'be brief', reserve: 20 })
    for (let turn = 0; turn < 8; turn++) await conversation.send(`turn ${turn}`, { maxNewTokens: 12 })
    expect(conversation.messages).toHaveLength(16)
    expect(await model.countTokens(conversation.messages)).toBeGreaterThan(128)
    expect(conversation.undo()).toBe('turn 7')
    expect(conversation.messages).toHaveLength(14)
    await expect(conversation.send('x'.repeat(300))).rejects.toMatchObject({ code: 'context-too-long' })
    expect(conversation.messages).toHaveLength(14)
    const events = await eventsOf(conversation.sendStream('streamed', { maxNewTokens: 4 }))
    expect(events.at(-1)?.type).toBe('finish')
    expect(conversation.messages.at(-2)?.content).toBe('streamed')
  })
})

describe('the friendly classes', () => {
  it('keep answers that cannot turn out differently', async () => {
    const generator = new Generator(model, { prefix: 'now: ', enableCache: true })
    const first = await generator.generate('go', { maxLength: 6 })
    const steps = model.engine.statistics.decodeSteps
    expect(await generator.generate('go', { maxLength: 6 })).toBe(first)
    expect(model.engine.statistics.decodeSteps).toBe(steps)
    await generator.generateBatch(['go', 'on'], { maxLength: 6, temperature: 1 })
    expect(model.engine.statistics.decodeSteps).toBeGreaterThan(steps)
  })

  it('answer with a confidence and the passages shown', async () => {
    const source = { title: 'policy', text: '30 days' }
    const qa = new QASystem(model, { retrieve: async () => [source] }).addExamples([['q', 'a']])
    const { confidence, sources } = await qa.answer('and?', { maxNewTokens: 5 })
    expect(confidence).toBeGreaterThan(0)
    expect(confidence).toBeLessThan(1)
    expect(sources).toEqual([source])
    expect(() => qa.addExamples([['only a question'] as never])).toThrow('question and its answer')
  })

  it('summarise by call and by method, long documents in pieces', async () => {
    const roomy = await DeepSeekR1.fromModel(await tinyTextModel(), { slots: 2, context: 256 })
    const summarizer = new Summarizer(roomy)
    const document = 'One thing is said. Then another one! Is that all? '.repeat(6)
    const before = roomy.engine.statistics.finished
    const summary = await summarizer.summarize(document, { ratio: 0.2 })
    expect(roomy.engine.statistics.finished - before).toBeGreaterThan(1)
    expect(await summarizer(document, { ratio: 0.2 })).toBe(summary)
    await expect(summarizer('  ')).rejects.toMatchObject({ code: 'bad-argument' })
    await expect(summarizer(document, { ratio: 2 })).rejects.toMatchObject({ code: 'bad-option' })
    await roomy.close()
  })
})

describe('pieces of a text', () => {
  it('hold all of it, end with sentences, and are never longer than they may be', () => {
    const count = (text: string) => [...text].length
    const text = '第一句。第二句比较长一些!第三句? And some English. More of it'
    const pieces = piecesOf(text, 12, count)
    expect(pieces.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
    expect(Math.max(...pieces.map(count))).toBeLessThanOrEqual(12)
    expect(piecesOf(text, 100, count)).toEqual([text])
  })
})
