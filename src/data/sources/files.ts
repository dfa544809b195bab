import { stat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { glob } from 'tinyglobby'
import { R1Error } from '../../errors.ts'
import { dataFailure } from '../failure.ts'
import type { Format } from './format.ts'
import { jsonl } from './jsonl.ts'
import { parquet } from './parquet.ts'
import { plainText, type TextUnit } from './text.ts'

/** A file of a data set: how it is read, and how long it is now. */
export interface DataFile {
  readonly path: string
  readonly format: Format
  readonly bytes: number
}

export interface FindOptions {
  /** How every file is read. Default: by the end of its name. */
  readonly format?: 'jsonl' | 'text' | 'parquet'
  /** What is one document of a text file. Default: the whole file. */
  readonly unit?: TextUnit
  /** Relative paths start here. Default: the working directory. */
  readonly folder?: string
}

/**
 * The files that paths, folders and patterns name: in the order of the list, by name within an entry, each once.
 *
 * @param places a file, a folder (all files of a known kind below it), a pattern (`corpus/*.jsonl.gz`), or several
 * @throws R1Error `file-not-found`, `no-data`, `unknown-format`
 */
export async function findFiles(places: string | readonly string[], options: FindOptions = {}): Promise<DataFile[]> {
  const listed = typeof places === 'string' ? [places] : places
  const formats = [jsonl, plainText(options.unit), parquet]
  const paths = new Set<string>()
  for (const place of listed) for (const path of await pathsOf(place, formats, options.folder)) paths.add(path)
  const files: DataFile[] = []
  for (const path of paths) {
    files.push({ path, format: formatOf(path, formats, options.format), bytes: (await stat(path)).size })
  }
  if (files.some(({ bytes }) => bytes > 0)) return files
  throw noData(`${listed.join(', ')} ${files.length === 0 ? 'names no file' : 'holds nothing but empty files'}`)
}

/** @param found what is wrong, as the end of a sentence that begins with "The data set" */
export function noData(found: string): R1Error {
  return new R1Error('no-data', `The data set ${found}.`, { remedy: 'Give files that hold records.' })
}

async function pathsOf(place: string, formats: readonly Format[], folder = ''): Promise<string[]> {
  const path = isAbsolute(place) ? place : join(folder, place)
  const found = await stat(path).catch((error: unknown) => error as Error)
  if (!(found instanceof Error)) {
    if (!found.isDirectory()) return [path]
    const names = await glob('**', { cwd: path })
    return names
      .filter((name) => formats.some((format) => reads(format, name)))
      .sort()
      .map((name) => join(path, name))
  }
  if (!/[*?{[]/.test(place)) throw dataFailure(path, found)
  const names = await glob(place, { cwd: folder || '.', absolute: isAbsolute(place) })
  return names.sort().map((name) => (isAbsolute(name) ? name : join(folder, name)))
}

function reads({ endings }: Format, path: string): boolean {
  return endings.some((ending) => path.toLowerCase().endsWith(ending))
}

function formatOf(path: string, formats: readonly Format[], name: FindOptions['format']): Format {
  const format = formats.find((candidate) => (name === undefined ? reads(candidate, path) : candidate.name === name))
  if (format) return format
  const known = formats.flatMap(({ endings }) => endings.filter((ending) => !ending.endsWith('.gz')))
  throw new R1Error('unknown-format', `${path}: its name does not tell how to read it.`, {
    remedy: `Name the format (jsonl, text or parquet), or rename it to end in ${known.join(', ')}.`,
  })
}
