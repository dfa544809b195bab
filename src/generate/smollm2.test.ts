import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Conversation } from './conversation.ts'
import { DeepSeekR1 } from './deepseek-r1.ts'

const path = fileURLToPath(
  new URL('../../.cache/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf', import.meta.url),
)
const title = 'SmolLM2-135M-Instruct'

describe.runIf(existsSync(path))(
  existsSync(path) ? title : `${title}: skipped, not in .cache/models (npm run fetch:smollm2)`,
  () => {
    let model: DeepSeekR1
    beforeAll(async () => {
      model = await DeepSeekR1.fromPretrained(path, { context: 1024, slots: 4 })
    })
    afterAll(() => model?.close())

    it('knows a capital', async () => {
      const { text } = await model.generate('The capital of France is', { raw: true, maxNewTokens: 3 })
      expect(text).toContain('Paris')
    })

    it('computes at most a tenth of the first prompt again in the second turn', async () => {
      const conversation = new Conversation(model, { system: 'You answer in one word. '.repeat(60) })
      const first = await conversation.send('Say yes.', { maxNewTokens: 4 })
      const second = await conversation.send('And now say no.', { maxNewTokens: 4 })
      const computed = ({ promptTokens, cachedTokens }: typeof first.usage) => promptTokens - cachedTokens
      expect(computed(second.usage)).toBeLessThanOrEqual(0.1 * computed(first.usage))
    })

    it('gives a text the same tokens among others, with drafts and without', async () => {
      const ask = (lookup: boolean) =>
        model.generate('Repeat after me: one two three four one two three four one two', { maxNewTokens: 24, lookup })
      const alone = await ask(false)
      const [drafted, ...others] = await Promise.all([
        ask(true),
        ...['Name a river.', 'Write a long poem.', 'Why?'].map((prompt) =>
          model.generate(prompt, { maxNewTokens: 24 }),
        ),
      ])
      expect(drafted?.tokens).toEqual(alone.tokens)
      expect(others).toHaveLength(3)
    })

    it('writes JSON that follows a schema', async () => {
      const schema = { type: 'object', properties: { city: { enum: ['Paris', 'Rome'] } }, required: ['city'] }
      const { text } = await model.generate('Which is the capital of Italy? Answer as JSON.', {
        schema,
        maxNewTokens: 40,
      })
      expect(['Paris', 'Rome']).toContain(JSON.parse(text).city)
    })
  },
)
