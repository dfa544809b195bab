import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeLines } from './letters.ts'

const cache = join(import.meta.dirname, '../../.cache')

/** Texts of one kind, as they were fetched. */
export interface Corpus {
  readonly file: string
  /** How to fetch it. */
  readonly command: string
  readonly package?: string
}

export const corpora = {
  python: { file: 'debian-docs/documents.jsonl', command: 'fetch:debian-docs', package: 'python3.11-doc' },
  postgresql: { file: 'debian-docs/documents.jsonl', command: 'fetch:debian-docs', package: 'postgresql-doc-15' },
  git: { file: 'debian-docs/documents.jsonl', command: 'fetch:debian-docs', package: 'git-doc' },
  sqlite: { file: 'debian-docs/documents.jsonl', command: 'fetch:debian-docs', package: 'sqlite3-doc' },
  poetry: { file: 'chinese-poetry/poems.jsonl', command: 'fetch:chinese-poetry' },
} as const satisfies Record<string, Corpus>

/** Every text of a corpus. */
export function textsOf(corpus: Corpus): string[] {
  const path = join(cache, corpus.file)
  if (!existsSync(path)) throw new Error(`${path} is missing: npm run ${corpus.command}`)
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { text: string; package?: string })
    .filter((record) => corpus.package === undefined || record.package === corpus.package)
    .map(({ text }) => text)
}

/** Every ninth document is measured on, the others are learnt from; each gives the first few thousand characters. */
export function splitTexts(corpus: Corpus, characters: number) {
  const texts = textsOf(corpus).map((text) => text.slice(0, characters))
  return {
    train: texts.filter((_, at) => at % 9 !== 0),
    heldOut: texts.filter((_, at) => at % 9 === 0),
  }
}

/** Writes texts to learn from into the folder of an experiment. @returns the file's name */
export function writeTexts(folder: string, name: string, texts: readonly string[]): string {
  return writeLines(
    folder,
    name,
    texts.map((text) => ({ text })),
  )
}
