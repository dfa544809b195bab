import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { R1Error } from '../../errors.ts'
import type { Split } from '../environment.ts'

/** A word problem with its solution. */
export interface WordProblem {
  readonly question: string
  /** The steps, without the marks of calculations and the line of the answer. */
  readonly solution: string
  readonly answer: number
}

/** The data set as it comes with the package: GSM8K (Cobbe et al. 2021, arXiv:2110.14168; MIT licence). */
const shippedFolder = fileURLToPath(new URL('../../../data/gsm8k/', import.meta.url))

const fileNames: Readonly<Record<Split, string>> = { train: 'train.jsonl', 'held-out': 'test.jsonl' }

/**
 * Reads the problems of a split.
 *
 * @param folder with `train.jsonl` and `test.jsonl`, also `.gz`; the data set that comes with the package without it
 * @throws R1Error `file-not-found`, `bad-record`
 */
export async function readWordProblems(split: Split, folder = shippedFolder): Promise<WordProblem[]> {
  const { path, text } = await readEither(folder, fileNames[split])
  const lines = text.split('\n')
  return lines.flatMap((line, index) => (line.trim() === '' ? [] : [parseRecord(line, `${path}:${index + 1}`)]))
}

async function readEither(folder: string, name: string): Promise<{ path: string; text: string }> {
  for (const path of [join(folder, name), join(folder, `${name}.gz`)]) {
    if (!(await stat(path).catch(() => undefined))) continue
    const bytes = await readFile(path)
    const plain = path.endsWith('.gz') ? await unzip(path, bytes) : bytes
    return { path, text: plain.toString('utf8') }
  }
  throw new R1Error('file-not-found', `${folder} holds no ${name}, nor ${name}.gz.`, {
    remedy: 'Give the folder of the data set.',
  })
}

async function unzip(path: string, bytes: Buffer): Promise<Buffer> {
  return await promisify(gunzip)(bytes).catch((cause: unknown) => {
    throw new R1Error('bad-data', `${path} is damaged.`, { remedy: 'Fetch it again.', cause })
  })
}

function parseRecord(line: string, place: string): WordProblem {
  const bad = (problem: string, cause?: unknown) =>
    new R1Error('bad-record', `${place} ${problem}.`, {
      remedy: 'Each line must be {"question": "…", "answer": "… #### 42"}.',
      cause,
    })
  let record: { question?: unknown; answer?: unknown }
  try {
    record = JSON.parse(line) as typeof record
  } catch (cause) {
    throw bad('is no JSON', cause)
  }
  const { question, answer } = record ?? {}
  if (typeof question !== 'string' || typeof answer !== 'string') throw bad('has no question and answer')
  const [working = '', result = ''] = answer.split('####')
  const value = Number(result.trim().replaceAll(',', ''))
  if (result.trim() === '' || !Number.isFinite(value)) throw bad('has no number after ####')
  return { question: question.trim(), solution: working.replace(/<<[^>]*>>/gu, '').trim(), answer: value }
}
