import { basename, resolve } from 'node:path'
import type { Dtype } from '../bytes/dtype.ts'
import type { Checkpoint } from '../checkpoint.ts'
import { readLicence } from '../licence.ts'
import { readChatTemplate, readJsonFile } from '../text-files.ts'
import { entryOfValue, type GgufEntry, textEntry, wholeEntry } from './encode.ts'
import type { GgufFamily } from './families.ts'
import { configEntries } from './from-config.ts'
import { tokenizerEntries } from './from-tokenizer.ts'

/** ggml's number for a file whose tensors are mostly of this type. */
const fileTypes: Partial<Record<Dtype, number>> = { F32: 0, F16: 1, Q4_0: 2, Q4_1: 3, Q8_0: 7, BF16: 32 }

/** What a GGUF says of its origin and tokenizer holds for a copy of it too. */
function copiedEntries(checkpoint: Checkpoint): GgufEntry[] {
  const kept = [...checkpoint.metadata].filter(
    ([key]) =>
      key.startsWith('tokenizer.') || /^general\.(name|license|organization|basename|languages|tags)/.test(key),
  )
  return kept.map(([key, value]) => entryOfValue(key, value))
}

async function describedEntries(checkpoint: Checkpoint, folder: string): Promise<GgufEntry[]> {
  const entries = [textEntry('general.name', basename(resolve(checkpoint.path)))]
  const licence = await readLicence(folder)
  if (licence !== undefined) entries.push(textEntry('general.license', licence))
  const tokenizer = await readJsonFile(folder, 'tokenizer.json')
  if (!tokenizer) return entries
  const files = {
    tokenizer,
    tokenizerConfig: (await readJsonFile(folder, 'tokenizer_config.json')) ?? {},
    chatTemplate: await readChatTemplate(folder),
  }
  return [...entries, ...tokenizerEntries(files, checkpoint.config)]
}

/**
 * All metadata of a GGUF file made from a checkpoint: sizes, origin, tokenizer and chat template.
 *
 * @param folder where the checkpoint's text files lie
 * @throws R1Error 'bad-checkpoint', 'unsupported-checkpoint'
 */
export async function ggufEntries(
  checkpoint: Checkpoint,
  folder: string,
  family: GgufFamily,
  dtype: Dtype,
): Promise<GgufEntry[]> {
  return [
    textEntry('general.architecture', family.architecture),
    textEntry('general.type', 'model'),
    wholeEntry('general.file_type', fileTypes[dtype] ?? 1),
    wholeEntry('general.quantization_version', 2),
    ...configEntries(family, checkpoint.config),
    ...(checkpoint.format === 'gguf' ? copiedEntries(checkpoint) : await describedEntries(checkpoint, folder)),
  ]
}
