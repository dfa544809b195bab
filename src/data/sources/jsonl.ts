import { R1Error } from '../../errors.ts'
import { StateReader } from '../streams/state.ts'
import type { Json } from '../streams/stream.ts'
import type { FileReader, Format } from './format.ts'
import { type LinePosition, LineReader } from './lines.ts'

/** One JSON object a line; empty lines are passed over. */
export const jsonl: Format = {
  name: 'jsonl',
  endings: ['.jsonl', '.ndjson', '.jsonl.gz', '.ndjson.gz'],
  async open(path, from) {
    return readerOf(new LineReader(path, linePosition(from)))
  },
}

/** @throws R1Error `bad-state` */
export function linePosition(from: Json): LinePosition | undefined {
  if (from === null) return undefined
  const state = new StateReader('a file read by lines', from)
  return { byte: state.count('byte'), line: state.count('line') }
}

function readerOf(lines: LineReader): FileReader {
  return {
    async next() {
      for (;;) {
        const line = await lines.next()
        if (line === undefined) return undefined
        if (line.trim() === '') continue
        const place = lines.position().line
        return { fields: parseRecord(line, lines.path, place), place }
      }
    },
    position: () => ({ ...lines.position() }),
    close: () => lines.close(),
  }
}

/** @throws R1Error `bad-record` that names file and line */
function parseRecord(line: string, path: string, place: number): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw badLine(path, place, `is not JSON: ${(cause as Error).message}`, cause)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw badLine(
    path,
    place,
    `is not a JSON object but ${Array.isArray(value) ? 'a list' : JSON.stringify(value)?.slice(0, 40)}`,
  )
}

function badLine(path: string, place: number, found: string, cause?: unknown): R1Error {
  return new R1Error('bad-record', `${path}: line ${place} ${found}.`, {
    remedy: `Every line holds one JSON object: mend or delete line ${place}.`,
    cause,
  })
}
