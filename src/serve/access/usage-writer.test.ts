import { describe, expect, it } from 'vitest'
import { memoryStore } from '../testing/memory-store.ts'
import { UsageWriter } from './usage-writer.ts'

const entry = { user: 'guest', model: 'tiny', promptTokens: 3, completionTokens: 2 }

describe('what was used', () => {
  it('is written down whole when requests of a kind are put together, and kinds stay apart', async () => {
    const store = memoryStore()
    const writer = new UsageWriter(store.usage, (error) => expect.unreachable(String(error)))
    for (let request = 0; request < 50; request++) writer.add({ ...entry, cachedTokens: 1 })
    for (const key of ['one', 'two', 'one']) writer.add({ ...entry, key })
    await writer.close()
    const total = (key?: string) => {
      const found = store.used.filter((one) => one.key === key)
      const sum = (value: (one: (typeof found)[number]) => number) => found.reduce((all, one) => all + value(one), 0)
      return [sum(({ requests = 1 }) => requests), sum(({ promptTokens }) => promptTokens)]
    }
    expect([total(), total('one'), total('two')]).toEqual([
      [50, 150],
      [2, 6],
      [1, 3],
    ])
    expect(store.used.length).toBeLessThan(10)
    expect(store.used.reduce((sum, { cachedTokens = 0 }) => sum + cachedTokens, 0)).toBe(50)
  })

  it('is tried again when the store refuses it', async () => {
    const store = memoryStore()
    let refused = 0
    const usage = {
      ...store.usage,
      add: (given: typeof entry) => {
        if (refused++ === 0) throw new Error('not now')
        return store.usage.add(given)
      },
    }
    const failures: unknown[] = []
    const writer = new UsageWriter(usage, (error) => failures.push(error))
    writer.add(entry)
    await expect.poll(() => store.used, { timeout: 10_000 }).toEqual([entry])
    expect(failures).toHaveLength(1)
    await writer.close()
  })
})
