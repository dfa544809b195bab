import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { r1Model, saveModel } from '../../../src/models/index.ts'
import { Variables } from '../../../src/runtime/variables.ts'
import { loadTokenizer, saveTokenizer, trainBpe } from '../../../src/text/index.ts'

const vocabulary = 2048
const endOfText = '<|endoftext|>'

/** Every text of a file of JSON lines. */
export function textsOf(path: string): string[] {
  if (!existsSync(path)) throw new Error(`${path} is missing: npm run fetch:debian-docs`)
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => (JSON.parse(line) as { text: string }).text)
}

/** Tokenizer of 2,048 tokens, and a model of 10.2 M parameters drawn by the seed. */
export async function prepareStart(folder: string, texts: readonly string[], seed: number, positions: number) {
  if (existsSync(folder)) return
  const temporary = `${folder}.tmp`
  mkdirSync(temporary, { recursive: true })
  // Every tenth page says enough about pairs of letters.
  const some = texts.filter((_, at) => at % 10 === 0)
  const json = await trainBpe(some, { vocabularySize: vocabulary, specialTokens: [endOfText] })
  await saveTokenizer(temporary, json, { bos: endOfText, eos: endOfText, pad: endOfText })
  const model = r1Model({ depth: 6, vocabulary, positions })
  using variables = new Variables(seed)
  for (const { name, tensor } of model.parameters()) variables.ensure(tensor, name)
  await saveModel(temporary, { model, variables })
  renameSync(temporary, folder)
}

/** Tokens of all texts, counted once. */
export async function countTokens(folder: string, start: string, texts: readonly string[]): Promise<number> {
  const path = join(folder, 'tokens.json')
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as number
  const tokenizer = await loadTokenizer(start)
  const count = texts.reduce((sum, text) => sum + tokenizer.encode(text).length + 1, 0)
  writeFileSync(path, JSON.stringify(count))
  return count
}
