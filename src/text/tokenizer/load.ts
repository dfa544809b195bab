import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { R1Error } from '../../errors.ts'
import { badTokenizer } from './fields.ts'
import { tokenizerFromJson } from './from-json.ts'
import type { Tokenizer } from './tokenizer.ts'

/** Bytes; the largest tokenizers in use take about 35 MB. */
const sizeLimit = 2 ** 27

/**
 * Loads the tokenizer of a checkpoint folder: `tokenizer.json`, with the roles that `tokenizer_config.json` gives to tokens.
 *
 * @throws R1Error `tokenizer-not-found`, `bad-tokenizer`
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const json = await readJson(join(folder, 'tokenizer.json'))
  if (json === undefined) {
    throw new R1Error('tokenizer-not-found', `${folder} has no tokenizer.json.`, {
      remedy: 'Save the tokenizer in its fast form (save_pretrained of transformers writes it).',
    })
  }
  return tokenizerFromJson(json, await readJson(join(folder, 'tokenizer_config.json')))
}

async function readJson(path: string): Promise<unknown> {
  try {
    const { size } = await stat(path)
    if (size > sizeLimit) throw badTokenizer(`${path} takes ${size} bytes; at most ${sizeLimit} are read`)
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    if (R1Error.isInstance(cause)) throw cause
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw badTokenizer(`${path} is no JSON that can be read`, cause)
  }
}
