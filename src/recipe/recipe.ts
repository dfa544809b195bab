import { z } from 'zod'
import type { Stage } from '../train/stages/stage.ts'
import { badRecipe, parseRecipeDocument, type RecipeDocument } from './document.ts'
import { modelSchema } from './model.ts'
import { nearest } from './nearest.ts'

/** One stage of a recipe, its options checked and filled in. */
export interface RecipeStage {
  readonly stage: Stage
  readonly options: unknown
  /** Line of the recipe, for errors found later. */
  readonly line: number
}

/** A checked recipe. */
export interface Recipe {
  readonly name: string
  readonly seed: number
  readonly model: z.output<typeof modelSchema>
  readonly stages: readonly RecipeStage[]
  /** The file it was read from, for errors. */
  readonly file: string
}

const frameSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/i, 'must be a name of letters, digits, points and dashes')
    .describe('Name of the run and of its folder.'),
  seed: z.int().min(0).max(0xffffffff).default(1).describe('All random numbers follow from it.'),
  model: modelSchema,
  stages: z.array(z.record(z.string(), z.unknown())).min(1, 'must hold a stage at least'),
})

/**
 * Reads a recipe: YAML, checked against the schemas of the stages it names.
 *
 * @param stages all that may be named
 * @throws R1Error `bad-recipe`, naming file, line, key and remedy
 */
export function parseRecipe(text: string, file: string, stages: readonly Stage[]): Recipe {
  const document = parseRecipeDocument(text, file)
  const frame = check(document, frameSchema, document.value, [])
  return {
    file,
    name: frame.name,
    seed: frame.seed,
    model: frame.model,
    stages: frame.stages.map((entry, index) => parseStage(document, entry, index, stages)),
  }
}

function parseStage(
  document: RecipeDocument,
  entry: Readonly<Record<string, unknown>>,
  index: number,
  stages: readonly Stage[],
): RecipeStage {
  const path = ['stages', index]
  const line = document.lineOf(path)
  const names = Object.keys(entry)
  const [name] = names
  if (name === undefined || names.length > 1) {
    const found = names.length === 0 ? 'none' : names.join(' and ')
    throw badRecipe(document.file, line, `a stage has one key, its name, not ${found}`, 'Begin each stage with a dash.')
  }
  const stage = stages.find((known) => known.name === name)
  if (!stage) {
    const known = stages.map((other) => other.name)
    throw badRecipe(document.file, line, `there is no stage '${name}'`, remedyFor(name, known))
  }
  return { stage, options: check(document, stage.options, entry[name] ?? {}, [...path, name]), line }
}

/** Checks a part of a document, and says line, key and remedy of the first thing that is wrong. */
function check<Schema extends z.ZodType>(
  document: RecipeDocument,
  schema: Schema,
  value: unknown,
  path: readonly PropertyKey[],
): z.output<Schema> {
  const checked = schema.safeParse(value)
  if (checked.success) return checked.data
  const issue = checked.error.issues[0] as z.core.$ZodIssue
  const at = [...path, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] as string
    const known = keysOf(schema, issue.path)
    throw badRecipe(
      document.file,
      document.lineOf([...at, key]),
      `'${key}' is no key of ${keyName(at)}`,
      remedyFor(key, known),
    )
  }
  throw badRecipe(document.file, document.lineOf(at), `${keyName(at)}: ${issue.message}`, 'Mend that value.')
}

const keyName = (path: readonly PropertyKey[]): string => (path.length === 0 ? 'a recipe' : path.map(String).join('.'))

function remedyFor(word: string, known: readonly string[]): string {
  const meant = nearest(word, known)
  return meant ? `Did you mean '${meant}'?` : `Known are ${known.join(', ')}.`
}

/** Keys of the object schema under a path, as far as objects go. */
function keysOf(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let current: unknown = schema
  for (const key of path) current = shapeOf(current)?.[String(key)]
  return Object.keys(shapeOf(current) ?? {})
}

function shapeOf(schema: unknown): Readonly<Record<string, unknown>> | undefined {
  let inner = schema
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) {
    inner = inner.unwrap()
  }
  return inner instanceof z.ZodObject ? inner.shape : undefined
}
