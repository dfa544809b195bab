import { z } from 'zod'
import { modelSchema } from '../../src/recipe/model.ts'
import { besideSchema } from '../../src/recipe/recipe.ts'
import { stages } from '../../src/recipe/stages.ts'

/** The part of JSON Schema that zod writes for recipes. */
interface Schema {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

interface Row {
  readonly key: string
  readonly kind: string
  readonly standard: string
  readonly meaning: string
}

/** The kind of a value in words. */
function kindOf({ type, enum: choices, const: only, anyOf, items }: Schema): string {
  if (choices) return choices.map((choice) => `\`${choice}\``).join(', ')
  if (only !== undefined) return `\`${only}\``
  if (anyOf) return anyOf.map(kindOf).join(' or ')
  if (type === 'array') return items?.properties ? 'list' : `list of ${items ? kindOf(items) : 'anything'}`
  return (
    { string: 'text', integer: 'whole number', number: 'number', boolean: 'yes or no', object: 'map' }[type ?? ''] ??
    'anything'
  )
}

function rowsOf({ properties = {}, required = [] }: Schema, prefix = ''): Row[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const key = prefix + name
    const standard =
      schema.default !== undefined ? `\`${JSON.stringify(schema.default)}\`` : required.includes(name) ? 'needed' : '–'
    const row = { key, kind: kindOf(schema), standard, meaning: schema.description ?? '' }
    const inner = schema.properties ? schema : schema.items
    return [row, ...(inner?.properties ? rowsOf(inner, `${key}.`) : [])]
  })
}

/** The keys of a schema as a table. @param rows chooses among them */
export function tableOf(schema: z.ZodType, rows: (all: readonly Row[]) => readonly Row[] = (all) => all): string {
  const found = rows(rowsOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema))
  const cell = (text: string) => text.replaceAll('|', '\\|')
  return [
    '| key | value | without it | meaning |',
    '|---|---|---|---|',
    ...found.map(
      ({ key, kind, standard, meaning }) => `| \`${key}\` | ${cell(kind)} | ${cell(standard)} | ${cell(meaning)} |`,
    ),
  ].join('\n')
}

/** Keys that every stage with a training loop has, told once. */
function loopKeys(): ReadonlySet<string> {
  const training = stages.filter(({ options }) => options instanceof z.ZodObject && 'schedule' in options.shape)
  const shapes = training.map(({ options }) => Object.keys((options as z.ZodObject).shape))
  return new Set(shapes[0]?.filter((key) => shapes.every((shape) => shape.includes(key)) && key !== 'data'))
}

/** The reference of the recipe language. */
export function recipesPage(): string {
  const common = loopKeys()
  const isCommon = ({ key }: Row) => common.has(key.split('.')[0] as string)
  const first = stages.find(({ name }) => name === 'pretrain')
  return `${[
    '# Recipes',
    'A recipe is a YAML file that `r1 run` checks and runs, stage after stage. Each stage reads the checkpoint of the one\nbefore and writes one of its own into `runs/<name>/<NN-stage>/`, beside `metrics.jsonl` and `run.json`. A run that was\nkilled goes on with `--resume` and ends with the same bytes (`npm run proof:resume` kills one 20 times). This page is\nwritten by `npm run docs:recipes` from the schemas that check recipes.',
    '```yaml\nname: first\nseed: 7\nmodel: { family: r1, layers: 4 }\nstages:\n  - pretrain:\n      data: { files: docs/*.md, format: text }\n      tokens: 2M\n  - quantize: { type: q8_0 }\n```',
    '## `model`',
    tableOf(modelSchema),
    '## Beside the name of a stage',
    '```yaml\n  - sft: { data: { files: solved.jsonl }, tokens: 2M }\n  - grpo: { environment: countdown, steps: 100 }\n  - grpo: { environment: countdown, steps: 100 }\n    from: sft\n    seed: 8\n```',
    tableOf(besideSchema),
    '## What all training stages take',
    first ? tableOf(first.options, (rows) => rows.filter(isCommon)) : '',
    ...stages.flatMap(({ name, summary, options }) => [
      `## \`${name}\``,
      summary,
      tableOf(options, (rows) => (name === 'quantize' ? rows : rows.filter((row) => !isCommon(row)))),
    ]),
  ].join('\n\n')}\n`
}
