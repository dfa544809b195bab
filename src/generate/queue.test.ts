import { describe, expect, it } from 'vitest'
import { RequestQueue } from './queue.ts'

const item = (name: string, priority = 0, size = 1) => ({ name, priority, size })

describe('the queue of requests', () => {
  it('serves the highest priority first, and among equals who came first', () => {
    const queue = new RequestQueue<ReturnType<typeof item>>({ requests: 10, tokens: 100 })
    for (const entry of [item('a'), item('b', 1), item('c'), item('d', 1)]) queue.add(entry)
    expect(Array.from({ length: 5 }, () => queue.take()?.name)).toEqual(['b', 'd', 'a', 'c', undefined])
  })

  it('lets nothing wait for ever under a flood of higher priorities', () => {
    const queue = new RequestQueue<ReturnType<typeof item>>({ requests: 10, tokens: 100 })
    queue.add(item('patient'))
    let served = 0
    for (let turn = 0; turn < 1000; turn++) {
      queue.add(item('urgent', 5))
      served++
      if (queue.take()?.name === 'patient') break
    }
    expect(served).toBeGreaterThan(5)
    expect(served).toBeLessThan(300)
  })

  it('is bounded by requests and by tokens', () => {
    const queue = new RequestQueue<ReturnType<typeof item>>({ requests: 2, tokens: 10 })
    queue.add(item('large', 0, 50))
    expect(() => queue.add(item('more'))).toThrow('waiting already')
    queue.take()
    queue.add(item('a', 0, 5))
    queue.add(item('b', 0, 5))
    expect(() => queue.add(item('c', 0, 0))).toThrow('waiting already')
    expect(queue.remove(({ name }) => name === 'a')).toHaveLength(1)
    expect(queue.tokens).toBe(5)
  })
})
