import { join } from 'node:path'
import { z } from 'zod'
import { R1Error } from '../errors.ts'
import { badCheckpoint } from './failure.ts'
import { resolveInFolder } from './folder.ts'
import { readJsonObject } from './json.ts'

const count = z
  .number()
  .int()
  .nonnegative()
  .max(2 ** 40)
const tokenIds = z.union([z.number().int(), z.array(z.number().int())])

/**
 * The keys of config.json that every reader relies on, checked where they are present; a family's own keys pass
 * unchanged and are the model's to check.
 */
export const modelConfigSchema = z.looseObject({
  model_type: z.string().optional(),
  architectures: z.array(z.string()).nullish(),
  vocab_size: count.nullish(),
  hidden_size: count.nullish(),
  intermediate_size: count.nullish(),
  num_hidden_layers: count.nullish(),
  num_attention_heads: count.nullish(),
  num_key_value_heads: count.nullish(),
  max_position_embeddings: count.nullish(),
  tie_word_embeddings: z.boolean().nullish(),
  bos_token_id: tokenIds.nullish(),
  eos_token_id: tokenIds.nullish(),
  pad_token_id: tokenIds.nullish(),
})

/** The keys of generation_config.json that generation reads, checked where they are present. */
export const generationConfigSchema = z.looseObject({
  do_sample: z.boolean().nullish(),
  temperature: z.number().nonnegative().nullish(),
  top_p: z.number().nonnegative().nullish(),
  top_k: z.number().int().nonnegative().nullish(),
  repetition_penalty: z.number().positive().nullish(),
  max_new_tokens: count.nullish(),
  bos_token_id: tokenIds.nullish(),
  eos_token_id: tokenIds.nullish(),
  pad_token_id: tokenIds.nullish(),
})

/** Checks a parsed JSON object against a schema. @throws R1Error 'bad-checkpoint' that names the key */
export function checkJson<T>(schema: z.ZodType<T>, value: unknown, file: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw badCheckpoint(file, `${issue?.path.join('.') || 'the JSON'} is wrong: ${issue?.message ?? 'it does not fit'}`)
}

async function readOptional<T>(folder: string, name: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    const path = await resolveInFolder(folder, name)
    return checkJson(schema, await readJsonObject(path), join(folder, name))
  } catch (error) {
    if (R1Error.isInstance(error, 'file-not-found')) return undefined
    throw error
  }
}

/** The configuration files beside a checkpoint's weights; absent ones are empty objects. */
export async function readConfigs(folder: string): Promise<{
  config: Record<string, unknown>
  generationConfig: Record<string, unknown>
}> {
  const [config, generationConfig] = await Promise.all([
    readOptional(folder, 'config.json', modelConfigSchema),
    readOptional(folder, 'generation_config.json', generationConfigSchema),
  ])
  return { config: config ?? {}, generationConfig: generationConfig ?? {} }
}
