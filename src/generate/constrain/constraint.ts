import { R1Error } from '../../errors.ts'

/** What a text has to follow; at most one of them. */
export interface Constraint {
  /** A JSON schema, or true for any JSON. */
  readonly schema?: Readonly<Record<string, unknown>> | true | undefined
  /** A regular expression that the whole text matches. */
  readonly regex?: string | undefined
  /** A grammar in EBNF whose first rule is `root` (GBNF of llama.cpp). */
  readonly grammar?: string | undefined
}

/** Characters; a larger one would take longer to compile than to answer. */
const largest = 2 ** 16

/** A constraint in one text, by which it is known. */
export interface ConstraintSource {
  readonly kind: 'schema' | 'regex' | 'grammar'
  readonly text: string
}

/**
 * The constraint of some options, if there is one.
 *
 * @throws R1Error `bad-option` for several at once, `bad-constraint` for one that is too large or of the wrong type
 */
export function constraintOf({ schema, regex, grammar }: Constraint): ConstraintSource | undefined {
  const given = [
    ...(schema === undefined ? [] : [{ kind: 'schema', value: JSON.stringify(schema) } as const]),
    ...(regex === undefined ? [] : [{ kind: 'regex', value: regex } as const]),
    ...(grammar === undefined ? [] : [{ kind: 'grammar', value: grammar } as const]),
  ]
  const [first, second] = given
  if (!first) return undefined
  if (second) {
    throw new R1Error('bad-option', `A text cannot follow a ${first.kind} and a ${second.kind}.`, {
      remedy: 'Give one of them.',
    })
  }
  const isWrong = first.kind === 'schema' && schema !== true && (typeof schema !== 'object' || Array.isArray(schema))
  if (typeof first.value === 'string' && !isWrong && first.value.length <= largest)
    return { kind: first.kind, text: first.value }
  throw new R1Error('bad-constraint', `This ${first.kind} cannot be used.`, {
    remedy: `Give ${first.kind === 'schema' ? 'an object' : 'a text'} of at most ${largest} characters.`,
  })
}
