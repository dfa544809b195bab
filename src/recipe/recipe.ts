import { z } from 'zod'
import type { Stage } from '../train/stages/stage.ts'
import { badRecipe, parseRecipeDocument, type RecipeDocument } from './document.ts'
import { modelSchema } from './model.ts'
import { nearest } from './nearest.ts'

/** One stage of a recipe, its options checked and filled in. */
export interface RecipeStage {
  readonly stage: Stage
  readonly options: unknown
  /** Place of the stage that it goes on from, or `model`; the one before it without it. */
  readonly from?: number | 'model'
  /** Of its random numbers; that of the recipe without it. */
  readonly seed?: number
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

const seedSchema = z.int().min(0).max(0xffffffff)

/** What may stand beside the name of a stage. */
export const besideSchema = z.strictObject({
  from: z
    .union([z.string(), z.int().positive()])
    .optional()
    .describe(
      'An earlier stage that it goes on from, by name (sft, 02-sft) or number, or `model`; the one before without it.',
    ),
  seed: seedSchema.optional().describe('Of its random numbers; that of the recipe without it.'),
})

const frameSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/i, 'must be a name of letters, digits, points and dashes')
    .describe('Name of the run and of its folder.'),
  seed: seedSchema.default(1).describe('All random numbers follow from it.'),
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
  const read: RecipeStage[] = []
  for (const entry of frame.stages) read.push(parseStage(document, entry, read, stages))
  return { file, name: frame.name, seed: frame.seed, model: frame.model, stages: read }
}

function parseStage(
  document: RecipeDocument,
  entry: Readonly<Record<string, unknown>>,
  before: readonly RecipeStage[],
  stages: readonly Stage[],
): RecipeStage {
  const path = ['stages', before.length]
  const line = document.lineOf(path)
  const beside = Object.fromEntries(Object.entries(entry).filter(([key]) => key in besideSchema.shape))
  const names = Object.keys(entry).filter((key) => !(key in beside))
  const [name] = names
  if (name === undefined || names.length > 1) {
    const found = names.length === 0 ? 'none' : names.join(' and ')
    throw badRecipe(document.file, line, `a stage has one name, not ${found}`, 'Begin each stage with a dash.')
  }
  const stage = stages.find((known) => known.name === name)
  if (!stage) {
    const known = stages.map((other) => other.name)
    throw badRecipe(document.file, line, `there is no stage '${name}'`, remedyFor(name, known))
  }
  const options = check(document, stage.options, entry[name] ?? {}, [...path, name])
  const { from, seed } = check(document, besideSchema, beside, path)
  return {
    stage,
    options,
    line,
    ...(from !== undefined && { from: findStage(document, from, before, [...path, 'from']) }),
    ...(seed !== undefined && { seed }),
  }
}

/** Folder of a stage by its place: `01-pretrain`. */
export const stageName = (stage: Stage, index: number): string => `${String(index + 1).padStart(2, '0')}-${stage.name}`

function findStage(
  document: RecipeDocument,
  name: string | number,
  before: readonly RecipeStage[],
  path: readonly PropertyKey[],
): number | 'model' {
  if (name === 'model') return name
  const places = before.map(({ stage }, index) => [stageName(stage, index), stage.name, String(index + 1)])
  const found = places.flatMap((names, index) => (names.includes(String(name)) ? [index] : []))
  const [place] = found
  if (place !== undefined && found.length === 1) return place
  const how = found.length === 0 ? 'no' : 'more than one'
  const known = ['model', ...places.map(([full]) => full)].join(', ')
  const problem = `there is ${how} stage '${name}' before this one`
  throw badRecipe(document.file, document.lineOf(path), problem, `Name one of ${known}.`)
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
