import { RE2JS } from 're2js'
import { R1Error } from '../../errors.ts'
import type { Constraint } from '../../generate/constrain/constraint.ts'

/** Nodes of a schema that are looked at, and how deep they may lie. */
const [mostNodes, deepest] = [20_000, 64] as const

/**
 * Checks the regular expressions of a constraint, also those inside a schema, by RE2's rules: no back-references, no
 * looking around, no repetition that multiplies to more than a thousand. Whatever compiles them afterwards is then asked
 * for something of bounded size.
 *
 * @throws R1Error `bad-constraint`
 */
export function checkPatterns({ regex, schema }: Constraint): void {
  if (regex !== undefined) checkPattern(regex)
  if (typeof schema === 'object') checkSchema(schema)
}

function checkPattern(pattern: string): void {
  try {
    RE2JS.compile(pattern)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.slice(0, 200) : 'it cannot be read'
    throw new R1Error('bad-constraint', `The regular expression cannot be used: ${reason}.`, {
      remedy: "Use RE2's syntax: no back-references, no looking around, at most 1000 repetitions.",
      cause,
    })
  }
}

const types = new Set(['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'])

/** Keywords whose values are data, not schemas. */
const data = new Set(['const', 'default', 'enum', 'examples'])

/** A schema, or a map or list of them. */
interface Place {
  readonly value: unknown
  readonly depth: number
  /** Its keys are names of properties, not keywords. */
  readonly isMap: boolean
}

const maps = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'])

function checkSchema(schema: Readonly<Record<string, unknown>>): void {
  const open: Place[] = [{ value: schema, depth: 0, isMap: false }]
  for (let seen = 0; open.length > 0; seen++) {
    const { value, depth, isMap } = open.pop() as Place
    if (seen > mostNodes || depth > deepest) {
      throw badSchema('it is too large or too deep', `Use at most ${deepest} levels.`)
    }
    if (typeof value !== 'object' || value === null) continue
    if (!isMap && !Array.isArray(value)) checkKeywords(value as Record<string, unknown>, schema)
    for (const [key, inner] of Object.entries(value)) {
      if (isMap || !data.has(key)) open.push({ value: inner, depth: depth + 1, isMap: !isMap && maps.has(key) })
    }
  }
}

function checkKeywords(keywords: Readonly<Record<string, unknown>>, root: object): void {
  const { pattern, patternProperties, type, $ref: reference } = keywords
  if (typeof pattern === 'string') checkPattern(pattern)
  if (typeof patternProperties === 'object' && patternProperties !== null)
    for (const name of Object.keys(patternProperties)) checkPattern(name)
  for (const name of type === undefined ? [] : [type].flat()) {
    if (!types.has(name as string)) throw badSchema(`there is no type ${JSON.stringify(name)?.slice(0, 60)}`)
  }
  if (reference !== undefined && !leadsSomewhere(reference, root)) {
    throw badSchema('a reference leads nowhere', 'Refer to parts of the same schema, such as #/$defs/name.')
  }
}

/** Whether a reference names a part of the schema itself. Nothing is ever fetched. */
function leadsSomewhere(reference: unknown, root: object): boolean {
  if (typeof reference !== 'string' || !/^#(\/|$)/.test(reference)) return false
  const path = reference.split('/').slice(1)
  const found = path.reduce<unknown>((value, part) => {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
      ? (value as Record<string, unknown>)[key]
      : undefined
  }, root)
  return found !== undefined
}

function badSchema(reason: string, remedy = 'Write it as JSON Schema has it.'): R1Error {
  return new R1Error('bad-constraint', `The schema cannot be used: ${reason}.`, { remedy })
}
