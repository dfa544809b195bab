import type { ReadCall } from './formats.ts'

type Calls = readonly ReadCall[] | undefined

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A call from JSON, whatever its arguments are called; some models write them as JSON inside a text. */
function callOf(value: unknown): ReadCall | undefined {
  if (!isObject(value) || typeof value.name !== 'string' || value.name === '') return undefined
  const given = value.arguments ?? value.parameters ?? {}
  const read = typeof given === 'string' ? parsed(given) : given
  return isObject(read) ? { name: value.name, arguments: read } : undefined
}

/** One call, or a list of them. */
function callsOf(value: unknown): Calls {
  const calls = (Array.isArray(value) ? value : [value]).map(callOf)
  return calls.length > 0 && calls.every((call) => call !== undefined) ? calls : undefined
}

export function readHermes(body: string): Calls {
  const text = body.trim()
  return text.startsWith('<function=') ? readTagged(text) : callsOf(parsed(text))
}

/** `<function=name><parameter=key>value</parameter></function>`; searched without patterns, so that no text takes long. */
function readTagged(text: string): Calls {
  const nameEnd = text.indexOf('>')
  const name = text.slice('<function='.length, nameEnd).trim()
  if (nameEnd < 0 || name === '') return undefined
  const values = new Map<string, unknown>()
  for (let at = text.indexOf('<parameter=', nameEnd); at >= 0; ) {
    const keyEnd = text.indexOf('>', at)
    const end = text.indexOf('</parameter>', keyEnd)
    if (keyEnd < 0 || end < 0) return undefined
    const value = text
      .slice(keyEnd + 1, end)
      .replace(/^\n/, '')
      .replace(/\n$/, '')
    values.set(text.slice(at + '<parameter='.length, keyEnd).trim(), parsed(value) ?? value)
    at = text.indexOf('<parameter=', end)
  }
  return [{ name, arguments: Object.fromEntries(values) }]
}

export function readMistral(body: string): Calls {
  const text = body.trim()
  if (!text.includes('[ARGS]')) return callsOf(parsed(text))
  const calls = text.split('[TOOL_CALLS]').map((part) => {
    const [name = '', given = ''] = part.split('[ARGS]')
    return callOf({ name: name.trim(), arguments: parsed(given) })
  })
  return calls.every((call) => call !== undefined) ? calls : undefined
}

export function readLlama(body: string): Calls {
  const text = body.trim()
  const whole = callsOf(parsed(text))
  if (whole) return whole
  const calls = text.split(/;\s*(?=\{)/).map((part) => callOf(parsed(part)))
  return calls.every((call) => call !== undefined) ? calls : undefined
}

const [begin, separator, end] = ['<｜tool▁call▁begin｜>', '<｜tool▁sep｜>', '<｜tool▁call▁end｜>'] as const

export function readDeepSeek(body: string): Calls {
  const parts = body
    .split(begin)
    .map((part) => (part.split(end)[0] as string).trim())
    .filter((part) => part !== '')
  const calls = parts.map((part) => {
    const at = part.indexOf(separator)
    if (at < 0) return undefined
    const [head, rest] = [part.slice(0, at).trim(), part.slice(at + separator.length).trim()]
    // V3 and R1: `function<sep>name`, then JSON in a fence; V3.1: `name<sep>` and JSON.
    const fence = rest.indexOf('```json')
    if (fence < 0) return callOf({ name: head, arguments: parsed(rest) })
    return callOf({
      name: rest.slice(0, fence).trim(),
      arguments: parsed(rest.slice(fence + 7).split('```')[0] as string),
    })
  })
  return calls.length > 0 && calls.every((call) => call !== undefined) ? calls : undefined
}
