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

function checkSchema(schema: Readonly<Record<string, unknown>>): void {
  const open: { value: unknown; depth: number }[] = [{ value: schema, depth: 0 }]
  for (let seen = 0; open.length > 0; seen++) {
    const { value, depth } = open.pop() as (typeof open)[number]
    if (seen > mostNodes || depth > deepest) {
      throw new R1Error('bad-constraint', 'The schema is too large or too deep.', {
        remedy: `Use at most ${deepest} levels.`,
      })
    }
    if (typeof value !== 'object' || value === null) continue
    const { pattern, patternProperties } = value as Record<string, unknown>
    if (typeof pattern === 'string') checkPattern(pattern)
    if (typeof patternProperties === 'object' && patternProperties !== null)
      for (const name of Object.keys(patternProperties)) checkPattern(name)
    for (const inner of Object.values(value)) open.push({ value: inner, depth: depth + 1 })
  }
}
