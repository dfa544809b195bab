import fc from 'fast-check'
import { expect, it } from 'vitest'
import { StopStrings } from './stop-strings.ts'

/** What was given out, and whether it was stopped, for a text that comes in these parts. */
function through(parts: readonly string[], stops: readonly string[]) {
  const watch = new StopStrings(stops)
  let given = ''
  for (const part of parts) {
    const { text, stopped } = watch.push(part)
    given += text
    if (stopped) return { given, stopped }
  }
  return { given: given + watch.flush(), stopped: false }
}

const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\n'), maxLength: 40 })
const stop = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\n'), minLength: 1, maxLength: 4 })

it('ends a text before the first stop string, however it is cut', () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 8 }), fc.array(stop, { maxLength: 3 }), (parts, stops) => {
      const whole = parts.join('')
      const { given, stopped } = through(parts, stops)
      // A token may complete two stops at once; what matters is that none is in what was given out.
      for (const string of stops) expect(given.includes(string)).toBe(false)
      expect(stopped).toBe(stops.some((string) => whole.includes(string)))
      expect(whole.startsWith(given)).toBe(true)
      if (!stopped) expect(given).toBe(whole)
      const letters = through([...whole], stops)
      expect(letters.stopped).toBe(stopped)
    }),
  )
})

it('gives out at once what cannot begin a stop string', () => {
  const watch = new StopStrings(['\n\nUser:'])
  expect(watch.push('Hello').text).toBe('Hello')
  expect(watch.push('\n').text).toBe('')
  expect(watch.push('you').text).toBe('\nyou')
})
