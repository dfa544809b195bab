import type { FileReader, Format } from './format.ts'
import { linePosition } from './jsonl.ts'
import { LineReader } from './lines.ts'

/** What is one document of a text file: all of it, what stands between blank lines, or each line. */
export type TextUnit = 'file' | 'paragraph' | 'line'

/** Plain text, UTF-8. Records have one field, `text`; blank ones are passed over. */
export function plainText(unit: TextUnit = 'file'): Format {
  return {
    name: 'text',
    endings: ['.txt', '.md', '.text', '.rst', '.txt.gz', '.md.gz', '.text.gz', '.rst.gz'],
    async open(path, from) {
      return readerOf(new LineReader(path, linePosition(from)), unit)
    },
  }
}

function readerOf(lines: LineReader, unit: TextUnit): FileReader {
  return {
    async next() {
      const collected: string[] = []
      let place = 0
      for (;;) {
        const line = await lines.next()
        const blank = line === undefined || line.trim() === ''
        if (line !== undefined && (!blank || (unit === 'file' && collected.length > 0))) {
          if (collected.length === 0) place = lines.position().line
          collected.push(line)
        }
        const complete = line === undefined || unit === 'line' || (unit === 'paragraph' && blank)
        if (complete && collected.length > 0) return { fields: { text: collected.join('\n').trimEnd() }, place }
        if (line === undefined) return undefined
      }
    },
    position: () => ({ ...lines.position() }),
    close: () => lines.close(),
  }
}
