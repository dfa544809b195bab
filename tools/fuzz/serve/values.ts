import fc, { type Arbitrary } from 'fast-check'

/** A JSON schema of the server's description. */
export type Schema = Readonly<Record<string, unknown>>

/** Texts that break what was not made for them. */
const nasty = fc.constantFrom(
  '',
  '\0',
  'a\0b',
  '\ud800',
  '\udfff\ud800',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  "' or 1=1 --",
  '(a+)+b',
  '[',
  '{{ messages }}',
  '<|im_end|>',
  '<think>',
  '</tool_call>',
  'x'.repeat(5000),
  '\u202e',
  '🧑‍🚀',
  '9'.repeat(400),
)

/** What may stand where something else belongs. */
const wrong: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, false, 0, -1, 1.5, 1e308, -1e308, 2 ** 53, [], {}, [[]], [null], { __proto__: null }),
  nasty,
  fc.jsonValue({ maxDepth: 2 }),
)

function numberOf(schema: Schema): Arbitrary<unknown> {
  const least = Number(schema.minimum ?? schema.exclusiveMinimum ?? -10)
  const most = Number(schema.maximum ?? schema.exclusiveMaximum ?? least + 100)
  // Long texts only take long: the fuzz is after what breaks.
  const few = Math.min(most, Math.max(least, 0) + 40)
  const edges = fc.constantFrom(least, most, least - 1, most + 1)
  const middle =
    schema.type === 'integer'
      ? fc.integer({ min: Math.ceil(least), max: Math.floor(few) })
      : fc.double({ min: least, max: few, noNaN: true })
  return fc.oneof({ weight: 8, arbitrary: middle }, { weight: 1, arbitrary: edges })
}

function objectOf(schema: Schema, inner: (schema: Schema) => Arbitrary<unknown>): Arbitrary<unknown> {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>)
  const required = new Set((schema.required ?? []) as string[])
  // A request with every field at once is refused for its first wrong one: most leave most fields out.
  const field = (name: string, value: Schema) =>
    required.has(name)
      ? fc.oneof({ weight: 30, arbitrary: inner(value) }, { weight: 1, arbitrary: fc.constant(undefined) })
      : fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: inner(value) })
  const known = fc.record(Object.fromEntries(properties.map(([name, value]) => [name, field(name, value)])))
  if (typeof schema.additionalProperties !== 'object') return known
  const others = fc.dictionary(fc.oneof(fc.string(), nasty), inner(schema.additionalProperties as Schema), {
    maxKeys: 3,
  })
  return fc.tuple(known, others).map(([own, more]) => ({ ...more, ...own }))
}

/** Values that a schema describes, and now and then what it does not. */
export function valuesOf(schema: Schema, schemas: Readonly<Record<string, Schema>>, depth = 0): Arbitrary<unknown> {
  const inner = (one: Schema) => valuesOf(one, schemas, depth + 1)
  const right = (): Arbitrary<unknown> => {
    if (depth > 8) return wrong
    if (typeof schema.$ref === 'string') return inner(schemas[schema.$ref.split('/').at(-1) as string] ?? {})
    if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]))
    if (schema.const !== undefined) return fc.constant(schema.const)
    const choices = (schema.anyOf ?? schema.oneOf ?? schema.allOf) as Schema[] | undefined
    if (choices) return fc.oneof(...choices.map(inner))
    const types = [schema.type].flat().filter((type) => type !== 'null')
    switch (types[0]) {
      case 'string':
        return fc.oneof({ weight: 4, arbitrary: fc.string({ maxLength: 30 }) }, { weight: 1, arbitrary: nasty })
      case 'integer':
      case 'number':
        return numberOf(schema)
      case 'boolean':
        return fc.boolean()
      case 'array':
        return fc.array(inner((schema.items ?? {}) as Schema), {
          minLength: Number(schema.minItems ?? 0),
          maxLength: 3,
        })
      case 'object':
        return objectOf(schema, inner)
      default:
        return fc.jsonValue({ maxDepth: 3 })
    }
  }
  return fc.oneof({ weight: 25, arbitrary: right() }, { weight: 1, arbitrary: wrong })
}
