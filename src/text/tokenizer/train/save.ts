import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { R1Error } from '../../../errors.ts'
import { tokenizerFromJson } from '../from-json.ts'
import type { TokenizerJson } from './train-bpe.ts'

/** Which tokens have a role, by their text. */
export interface TokenRoles {
  bos?: string
  eos?: string
  pad?: string
}

/**
 * Saves a tokenizer as `tokenizer.json` and `tokenizer_config.json`, which Hugging Face's libraries load.
 *
 * @throws R1Error `bad-argument` for a role of a token that there is not
 */
export async function saveTokenizer(folder: string, json: TokenizerJson, roles: TokenRoles = {}): Promise<void> {
  const tokenizer = tokenizerFromJson(json)
  for (const [role, token] of Object.entries(roles)) {
    if (tokenizer.tokenToId(token) !== undefined) continue
    throw new R1Error('bad-argument', `The ${role} token ${JSON.stringify(token)} is not in the vocabulary.`, {
      remedy: 'Name it among the special tokens when training.',
    })
  }
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    clean_up_tokenization_spaces: false,
    bos_token: roles.bos ?? null,
    eos_token: roles.eos ?? null,
    pad_token: roles.pad ?? null,
  }
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'tokenizer.json'), `${JSON.stringify(json, undefined, 1)}\n`)
  await writeFile(join(folder, 'tokenizer_config.json'), `${JSON.stringify(config, undefined, 2)}\n`)
}
