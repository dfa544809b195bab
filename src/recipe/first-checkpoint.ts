import { stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { copyCompanions, exportCheckpoint, locateCheckpoint } from '../checkpoint/index.ts'
import { isFolder, makeFolder } from '../checkpoint/whole-folder.ts'
import { R1Error } from '../errors.ts'
import { r1Model, saveModel } from '../models/index.ts'
import { Variables } from '../runtime/variables.ts'
import { loadTokenizer, saveTokenizer, trainBpe } from '../text/index.ts'
import { chatTemplate } from './chat-template.ts'
import type { Recipe } from './recipe.ts'

/** Tokens of the byte tokenizer beside the 256 bytes: the end of a text, turns of a chat, a thought. */
const controlTokens = ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<think>', '</think>'] as const

/** Rows of the embedding are a multiple of this: whole tiles of the kernels. */
const vocabularyStep = 64

/**
 * The checkpoint folder that the first stage starts from: the recipe's `from`, written as safetensors where it is another
 * format, or a new model with weights drawn by the seed.
 *
 * @param folder of the run where what must be made is put
 * @throws R1Error `file-not-found`, `bad-option`, `disk-full`, and what reading throws
 */
export async function firstCheckpoint(recipe: Recipe, folder: string, signal?: AbortSignal): Promise<string> {
  const { from } = recipe.model
  const base = dirname(resolve(recipe.file))
  if (from === undefined) return makeFolder(join(folder, 'checkpoint'), (out) => createModel(recipe, base, out))
  const path = await locateCheckpoint(await fromBase(base, from), signal ? { signal } : {})
  const written = await isFolder(path)
  if (written && (await loadTokenizer(path).catch(() => undefined))) return path
  return makeFolder(join(folder, 'checkpoint'), async (out) => {
    await exportCheckpoint(path, { format: 'safetensors', out, signal })
  })
}

/** A path as the recipe means it: relative to the recipe where that exists, otherwise as it is (a hub id). */
async function fromBase(base: string, path: string): Promise<string> {
  const local = resolve(base, path)
  return stat(local).then(
    () => local,
    () => path,
  )
}

async function createModel(recipe: Recipe, base: string, out: string): Promise<void> {
  const { layers = 1, hidden, positions, architecture, tokenizer } = recipe.model
  if (tokenizer === 'bytes') {
    const json = await trainBpe([], {
      vocabularySize: 256 + controlTokens.length,
      specialTokens: controlTokens,
    })
    await saveTokenizer(out, json, { bos: controlTokens[0], eos: controlTokens[0], pad: controlTokens[0] })
    await writeFile(join(out, 'chat_template.jinja'), chatTemplate)
  } else {
    const source = await fromBase(base, tokenizer)
    if (!(await isFolder(source))) {
      throw new R1Error('file-not-found', `There is no folder ${tokenizer} to take the tokenizer from.`, {
        remedy: 'Give a checkpoint folder with tokenizer.json, or `bytes`.',
      })
    }
    await copyCompanions(source, out)
  }
  const { vocabularySize } = await loadTokenizer(out)
  const vocabulary = Math.ceil(vocabularySize / vocabularyStep) * vocabularyStep
  const model = r1Model({ depth: layers, width: hidden, positions, architecture, vocabulary })
  using variables = new Variables(recipe.seed)
  for (const { name, tensor } of model.parameters()) variables.ensure(tensor, name)
  await saveModel(
    out,
    { model, variables },
    {
      lineage: { version: 1, parent: null, stage: 'new', seed: recipe.seed },
      // A text ends with its document, a turn of a chat with its own token.
      ...(tokenizer === 'bytes' && {
        generationConfig: { eos_token_id: await idsOf(out, ['<|endoftext|>', '<|im_end|>']) },
      }),
    },
  )
}

async function idsOf(folder: string, tokens: readonly string[]): Promise<number[]> {
  const tokenizer = await loadTokenizer(folder)
  return tokens.map((token) => tokenizer.tokenToId(token) as number)
}
