import type { Random } from './random.ts'

const values: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  0.5,
  7,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e300,
  '',
  'x',
  '../x',
  '/etc/passwd',
  '\u0000',
  '(a+)+$',
  '(?:a|a)*b',
  { type: 'Split', pattern: { Regex: '(a*)*b' }, behavior: 'Isolated', invert: false },
  '\ud800',
  [],
  {},
  [[]],
  [0, -1],
  { type: 'x' },
]

/** Regular expressions that take for ever on the right text. */
const hostilePatterns = ['(a+)+b', '(a|aa)*b', '(?:a*)*b', '(.*)*b', 'a*a*a*a*a*a*b', '(?:(?:a{99}){99}){99}', '(((((']

/** Every place in a value: the object or list that holds it, and the key. */
function places(value: unknown, found: [Record<string, unknown>, string][] = []): [Record<string, unknown>, string][] {
  if (typeof value !== 'object' || value === null || found.length > 20_000) return found
  for (const key of Object.keys(value)) {
    found.push([value as Record<string, unknown>, key])
    places((value as Record<string, unknown>)[key], found)
  }
  return found
}

/** A JSON text with one to three of its values replaced, removed, renamed or taken from elsewhere in it. */
export function mutateJson(seed: Uint8Array, random: Random): Buffer {
  const root: unknown = JSON.parse(Buffer.from(seed).toString('utf8'))
  for (let count = 1 + random.below(3); count > 0; count -= 1) {
    const all = places(root)
    if (all.length === 0) break
    const [holder, key] = random.pick(all)
    const [otherHolder, otherKey] = random.pick(all)
    const patterns = all.filter(([, name]) => name === 'Regex' || name === 'pattern')
    switch (random.below(patterns.length > 0 ? 5 : 4)) {
      case 0:
        delete holder[key]
        break
      case 1:
        holder[key] = structuredClone(otherHolder[otherKey])
        break
      case 2:
        if (!Array.isArray(holder))
          holder[random.pick(['x', otherKey, 'constructor', 'prototype'])] = structuredClone(holder[key])
        break
      case 3:
        holder[key] = structuredClone(random.pick(values))
        break
      default: {
        const [patternHolder, name] = random.pick(patterns)
        const pattern = random.pick(hostilePatterns)
        patternHolder[name] = name === 'Regex' ? pattern : { Regex: pattern }
      }
    }
  }
  return Buffer.from(JSON.stringify(root))
}
