import { isUtf8 } from 'node:buffer'
import { R1Error } from '../../errors.ts'
import { readBytes } from './bytes.ts'

/** A place between two lines of a file. */
export interface LinePosition {
  /** Bytes of the (unpacked) content before it. */
  readonly byte: number
  /** Lines before it. */
  readonly line: number
}

const newline = 10
const carriageReturn = 13
/** No line of a data set is this long; what is so long has no line breaks at all. */
const longestLine = 1 << 28

/** Reads a UTF-8 file line by line; memory is bounded by the longest line. */
export class LineReader {
  readonly path: string
  private readonly chunks: AsyncGenerator<Buffer, void, void>
  private chunk: Buffer = Buffer.alloc(0)
  /** Where in the chunk the next line begins. */
  private at = 0
  private byte: number
  private line: number

  constructor(path: string, from: LinePosition = { byte: 0, line: 0 }) {
    this.path = path
    this.byte = from.byte
    this.line = from.line
    this.chunks = readBytes(path, from.byte)
  }

  /** Where the next line begins. */
  position(): LinePosition {
    return { byte: this.byte, line: this.line }
  }

  /**
   * The next line without its end; undefined at the end of the file.
   *
   * @throws R1Error `bad-encoding`, `bad-record` (a line without end), and as {@link readBytes}
   */
  async next(): Promise<string | undefined> {
    const bytes = await this.take()
    if (bytes === undefined) return undefined
    const first = this.byte === 0
    this.byte += bytes.length
    this.line += 1
    return this.decode(withoutEnd(bytes), first)
  }

  async close(): Promise<void> {
    await this.chunks.return()
  }

  /** The bytes of the next line with its newline, if it has one. */
  private async take(): Promise<Buffer | undefined> {
    const pieces: Buffer[] = []
    let length = 0
    for (;;) {
      const end = this.chunk.indexOf(newline, this.at)
      const piece = this.chunk.subarray(this.at, end < 0 ? this.chunk.length : end + 1)
      this.at += piece.length
      if (end >= 0 && pieces.length === 0) return piece
      if (piece.length > 0) pieces.push(piece)
      length += piece.length
      if (end >= 0) return Buffer.concat(pieces, length)
      if (length > longestLine) throw this.endless()
      const { value } = await this.chunks.next()
      if (value === undefined) return length > 0 ? Buffer.concat(pieces, length) : undefined
      this.chunk = value
      this.at = 0
    }
  }

  private decode(bytes: Buffer, first: boolean): string {
    if (!isUtf8(bytes)) throw badEncoding(this.path, this.line, bytes, first)
    const text = bytes.toString('utf8')
    return first && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
  }

  private endless(): R1Error {
    return new R1Error('bad-record', `${this.path}: line ${this.line + 1} is longer than ${longestLine >> 20} MiB.`, {
      remedy: 'Break the file into lines, one record each.',
    })
  }
}

function withoutEnd(bytes: Buffer): Buffer {
  if (bytes.at(-1) !== newline) return bytes
  return bytes.subarray(0, bytes.at(-2) === carriageReturn ? -2 : -1)
}

function badEncoding(path: string, line: number, bytes: Buffer, first: boolean): R1Error {
  const utf16 = first && ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
  const found = utf16 ? 'the text is UTF-16' : `line ${line} is not UTF-8`
  return new R1Error('bad-encoding', `${path}: ${found}.`, {
    remedy: `Convert the file: iconv -f ${utf16 ? 'UTF-16' : 'GB18030 (or what it is)'} -t UTF-8.`,
  })
}
