import type { GgufFamily, NameRule } from './families.ts'

/** A tensor name of one world, understood: the rule it follows and what to put into the rule's other name. */
export interface NameMatch {
  readonly rule: NameRule
  readonly layer: string
  readonly expert: string
  /** `.weight`, `.bias` or nothing. */
  readonly suffix: string
}

interface Pattern {
  readonly rule: NameRule
  readonly expression: RegExp
}

/** A name in which digits stand for the layer and the expert; at most six, so that no name is slow to match. */
function compile(template: string, rule: NameRule): Pattern {
  const source = template.replaceAll('.', '\\.').replace('{n}', '(?<n>\\d{1,6})').replace('{e}', '(?<e>\\d{1,6})')
  return { rule, expression: new RegExp(`^${source}${rule.whole ? '' : '(?<suffix>\\.weight|\\.bias)'}$`) }
}

/** Finds the rule of a tensor name of one world. */
export class NameTable {
  readonly #patterns: readonly Pattern[]

  constructor(family: GgufFamily, side: 'gguf' | 'hf') {
    this.#patterns = family.names.map((rule) => compile(rule[side], rule))
  }

  match(name: string): NameMatch | undefined {
    for (const { rule, expression } of this.#patterns) {
      const groups = expression.exec(name)
      if (groups) {
        const { n = '', e = '', suffix = '' } = groups.groups ?? {}
        return { rule, layer: n, expert: e, suffix }
      }
    }
    return undefined
  }
}

/** The name on one side of a match, for an expert where the rule splits experts. */
export function nameOf(match: NameMatch, side: 'gguf' | 'hf', expert = match.expert): string {
  return match.rule[side].replace('{n}', match.layer).replace('{e}', expert) + match.suffix
}
