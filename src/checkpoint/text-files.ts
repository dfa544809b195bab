import { readFile, stat } from 'node:fs/promises'
import { R1Error } from '../errors.ts'
import { fileFailure, unsupportedCheckpoint } from './failure.ts'
import { resolveInFolder } from './folder.ts'
import { isRecord, parseJsonObject } from './json.ts'

/** Largest text file of a checkpoint that is read whole, in bytes; the largest tokenizers take about 35 MB. */
const sizeLimit = 2 ** 27

/** A text file of a checkpoint folder, or undefined where it is absent. @throws R1Error 'unsafe-path' */
export async function readTextFile(folder: string, name: string): Promise<string | undefined> {
  try {
    const path = await resolveInFolder(folder, name)
    const { size } = await stat(path)
    if (size > sizeLimit) throw unsupportedCheckpoint(path, `it takes ${size} bytes`, `At most ${sizeLimit} are read.`)
    return await readFile(path, 'utf8')
  } catch (error) {
    const failure = fileFailure(name, error)
    if (R1Error.isInstance(failure, 'file-not-found')) return undefined
    throw failure
  }
}

/** A JSON file of a checkpoint folder, or undefined where it is absent. @throws R1Error 'bad-checkpoint' */
export async function readJsonFile(folder: string, name: string): Promise<Record<string, unknown> | undefined> {
  const text = await readTextFile(folder, name)
  return text === undefined ? undefined : parseJsonObject(text, name)
}

/** One template, or the one called "default" of several. */
function templateOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return undefined
  const named: unknown = value.find((item: unknown) => isRecord(item) && item.name === 'default')
  return isRecord(named) && typeof named.template === 'string' ? named.template : undefined
}

/** The chat template of a folder: `chat_template.jinja`, otherwise the one in tokenizer_config.json. */
export async function readChatTemplate(folder: string): Promise<string | undefined> {
  const template = await readTextFile(folder, 'chat_template.jinja')
  return template ?? templateOf((await readJsonFile(folder, 'tokenizer_config.json'))?.chat_template)
}
