import { expect } from 'vitest'
import type { Stream } from '../streams/stream.ts'

/** Proves that at every place the saved state leads a new stream to the identical rest. @returns all items */
export async function expectResumable<T>(make: () => Stream<T>, most = 200): Promise<T[]> {
  const stream = make()
  const items: T[] = []
  const states: string[] = [JSON.stringify(stream.state())]
  for (let item = await stream.next(); item !== undefined && items.length < most; item = await stream.next()) {
    items.push(item)
    states.push(JSON.stringify(stream.state()))
  }
  for (const [place, state] of states.entries()) {
    const resumed = make()
    // A stream that has moved on is restored as well as a new one.
    if (place % 2 === 1) await resumed.next()
    await resumed.restore(JSON.parse(state))
    for (let index = place; index < Math.min(place + 7, items.length); index++) {
      expect(JSON.stringify(resumed.state())).toBe(states[index])
      expect(await resumed.next()).toEqual(items[index])
    }
  }
  return items
}
