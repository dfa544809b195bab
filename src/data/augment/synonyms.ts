import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { R1Error } from '../../errors.ts'
import type { Augmentation } from '../clean/stage.ts'
import { dataFailure } from '../failure.ts'
import type { Random } from '../random.ts'
import { type CopyOptions, withCopies } from './copies.ts'
import { segmentsOf } from './words.ts'

/** For each word, in lower case, words that can stand for it. */
export type Synonyms = ReadonlyMap<string, readonly string[]>

export interface SynonymOptions extends CopyOptions {
  readonly synonyms: Synonyms
  /** Share of the words with synonyms that are replaced. Default 0.15. */
  readonly share?: number
}

/** Puts copies with some words replaced by synonyms beside each document. */
export function synonyms({ synonyms: table, share = 0.15, ...options }: SynonymOptions): Augmentation {
  return withCopies('synonyms', options, (text, random) => replaceSynonyms(text, table, share, random))
}

/** @param share of the words with synonyms that are replaced, 0 to 1 */
export function replaceSynonyms(text: string, table: Synonyms, share: number, random: Random): string {
  return segmentsOf(text)
    .map((segment) => {
      const others = segment.isWord ? table.get(segment.text.toLowerCase()) : undefined
      if (others === undefined || others.length === 0 || random.uniform() >= share) return segment.text
      return inCaseOf(segment.text, random.pick(others))
    })
    .join('')
}

function inCaseOf(model: string, word: string): string {
  if (model.length > 1 && model === model.toUpperCase() && model !== model.toLowerCase()) return word.toUpperCase()
  const [first = ''] = model
  return first === first.toLowerCase() ? word : word.charAt(0).toUpperCase() + word.slice(1)
}

const wordNetFiles = ['data.noun', 'data.verb', 'data.adj', 'data.adv']

/**
 * The synonyms of WordNet: single words of one meaning stand for each other.
 *
 * @param folder with WordNet's `data.noun`, `data.verb`, `data.adj` and `data.adv` (Debian's `wordnet-base` has it)
 * @throws R1Error `file-not-found`, `file-failure`, `bad-data`
 */
export async function readWordNet(folder: string): Promise<Synonyms> {
  const table = new Map<string, Set<string>>()
  for (const name of wordNetFiles) {
    const path = join(folder, name)
    const text = await readFile(path, 'utf8').catch((error: unknown) => Promise.reject(dataFailure(path, error)))
    for (const [index, line] of text.split('\n').entries()) {
      // The licence stands at the top, each line after two spaces.
      if (line === '' || line.startsWith('  ')) continue
      addMeaning(table, wordsOfMeaning(line, `${path}: line ${index + 1}`))
    }
  }
  return new Map([...table].map(([word, others]) => [word, [...others]]))
}

/** A line of a data file: offset, file, kind, count of words in hexadecimal, then each word with a number. */
function wordsOfMeaning(line: string, place: string): string[] {
  const fields = line.split(' ')
  const count = Number.parseInt(fields[3] ?? '', 16)
  if (!(count > 0) || fields.length < 4 + 2 * count) {
    throw new R1Error('bad-data', `${place} is no line of WordNet.`, {
      remedy: "Give the folder of WordNet's data files.",
    })
  }
  const words = Array.from({ length: count }, (_, index) => (fields[4 + 2 * index] as string).replace(/\(\w+\)$/, ''))
  return words.filter((word) => !word.includes('_'))
}

function addMeaning(table: Map<string, Set<string>>, words: readonly string[]): void {
  for (const word of words) {
    const key = word.toLowerCase()
    for (const other of words) {
      if (other.toLowerCase() === key) continue
      const others = table.get(key) ?? new Set()
      table.set(key, others.add(other))
    }
  }
}
