import { join } from 'node:path'
import type { z } from 'zod'
import { writeJson } from './atomic.ts'
import { checkJson, generationConfigSchema, modelConfigSchema } from './config.ts'
import { type lineageSchema, writeLineage } from './lineage.ts'
import { type ShardedWriteOptions, writeSafetensorsFolder } from './safetensors/write.ts'
import type { WritableTensor } from './writable.ts'
import { writeModelConfig } from './write-config.ts'

/** What {@link writeCheckpoint} writes besides the weights. */
export interface SaveOptions extends ShardedWriteOptions {
  readonly config: Readonly<Record<string, unknown>>
  readonly generationConfig?: Readonly<Record<string, unknown>> | undefined
  readonly lineage?: z.input<typeof lineageSchema> | undefined
}

/**
 * Writes a checkpoint folder in Hugging Face's layout. Each file is written whole or not at all: a folder whose writing was
 * cut never holds half a file.
 *
 * @throws R1Error 'bad-checkpoint' where a configuration is wrong, 'disk-full', 'shape-mismatch'
 */
export async function writeCheckpoint(
  folder: string,
  tensors: readonly WritableTensor[],
  options: SaveOptions,
): Promise<void> {
  const config = checkJson(modelConfigSchema, options.config, 'config.json')
  const generation =
    options.generationConfig && checkJson(generationConfigSchema, options.generationConfig, 'generation_config.json')
  await writeSafetensorsFolder(folder, tensors, options)
  await writeModelConfig(folder, config)
  if (generation) await writeJson(join(folder, 'generation_config.json'), generation)
  if (options.lineage) await writeLineage(folder, options.lineage)
}
