import { join } from 'node:path'
import { z } from 'zod'
import { writeJson } from './atomic.ts'
import { checkJson } from './config.ts'
import { readJsonFile } from './text-files.ts'

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'not a SHA-256 in hexadecimal')

/** What a checkpoint's `r1.json` holds: where it comes from and how it was made. */
export const lineageSchema = z.looseObject({
  /** Version of this file's layout. */
  version: z.literal(1),
  /** The checkpoint this one was made from: a hub id or path, and its weights' hash where known. */
  parent: z.looseObject({ name: z.string(), sha256: hash.optional() }).nullable(),
  /** The recipe's name and the hash of its resolved text. */
  recipe: z.looseObject({ name: z.string(), sha256: hash.optional() }).optional(),
  /** The stage that made it, such as "sft". */
  stage: z.string(),
  seed: z.number().int().optional(),
  /** SHA-256 of each data file or source, by name. */
  data: z.record(z.string(), hash).default({}),
  /** What was measured at the end, such as { loss: 1.93 }. */
  metrics: z.record(z.string(), z.number()).default({}),
  /** Version of this package. */
  madeBy: z.string().optional(),
})

/** A checkpoint's lineage. */
export type Lineage = z.output<typeof lineageSchema>

const fileName = 'r1.json'

/** The lineage of a checkpoint folder, or undefined where it has none. @throws R1Error 'bad-checkpoint' */
export async function readLineage(folder: string): Promise<Lineage | undefined> {
  const value = await readJsonFile(folder, fileName)
  return value && checkJson(lineageSchema, value, fileName)
}

/** Writes a checkpoint folder's lineage. @throws R1Error 'bad-checkpoint' where a field is wrong, 'disk-full' */
export async function writeLineage(folder: string, lineage: z.input<typeof lineageSchema>): Promise<void> {
  await writeJson(join(folder, fileName), checkJson(lineageSchema, lineage, fileName))
}
