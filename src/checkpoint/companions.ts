import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { R1Error } from '../errors.ts'
import { fileFailure } from './failure.ts'
import { resolveInFolder } from './folder.ts'

/** Files that travel with the weights. */
const companions = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'generation_config.json',
  'r1.json',
  'README.md',
  'LICENSE',
]

/** Copies what travels with the weights from one checkpoint folder to another, as far as it is there. @throws R1Error 'disk-full' */
export async function copyCompanions(from: string, to: string): Promise<void> {
  for (const name of companions) {
    try {
      await copyFile(await resolveInFolder(from, name), join(to, name))
    } catch (error) {
      const failure = fileFailure(name, error)
      if (!R1Error.isInstance(failure, 'file-not-found')) throw failure
    }
  }
}
