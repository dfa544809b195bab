import { describe, expect, it } from 'vitest'
import { traceRecords, tracesSchema } from './trace-data.ts'

const options = tracesSchema.parse([
  { environment: { countdown: { numbers: 3 } }, share: 3 },
  { multiplication: { leftDigits: 2, rightDigits: 1, form: 'chat' } },
])

describe('traces of environments', () => {
  it('come with their shares, texts as prompts with completions and chats as conversations', async () => {
    const stream = await traceRecords(options, '.', 'train', 1)
    const records = []
    while (records.length < 40) records.push(await stream.next())
    const texts = records.filter((record) => typeof record?.fields.prompt === 'string')
    expect(texts).toHaveLength(30)
    const chat = records.find((record) => record?.fields.messages)
    expect(chat?.fields.messages).toEqual([
      { role: 'user', content: expect.any(String) },
      { role: 'assistant', content: expect.stringContaining('<think>') },
    ])
  })

  it('go on behind the place that a state names', async () => {
    const whole = await traceRecords(options, '.', 'train', 1)
    for (let index = 0; index < 11; index++) await whole.next()
    const state = JSON.parse(JSON.stringify(whole.state()))
    const resumed = await traceRecords(options, '.', 'train', 1)
    await resumed.restore(state)
    for (let index = 0; index < 9; index++) expect(await resumed.next()).toEqual(await whole.next())
  })
})
