import { badCheckpoint } from '../failure.ts'
import { type ByteSource, readBytes } from './source.ts'

/** Thrown inside the parser when the part of the file that was read so far is used up; never leaves this room. */
class NeedMoreBytes {
  readonly atLeast: number

  constructor(atLeast: number) {
    this.atLeast = atLeast
  }
}

/**
 * Walks through the beginning of a file. `bytes` may be only the first part of the file; every length that the file
 * claims is held against the file's real size before anything is made of it.
 */
export class HeaderCursor {
  readonly file: string
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #fileSize: number
  position = 0

  constructor(bytes: Uint8Array, fileSize: number, file: string) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#fileSize = fileSize
    this.file = file
  }

  /** Bytes of the file after the position. */
  get remaining(): number {
    return this.#fileSize - this.position
  }

  /** Steps over `length` bytes and gives where they begin. */
  take(length: number): number {
    const start = this.position
    if (length > this.remaining) throw badCheckpoint(this.file, `its header claims ${length} bytes past its end`)
    if (start + length > this.#bytes.byteLength) throw new NeedMoreBytes(start + length)
    this.position = start + length
    return start
  }

  u8(): number {
    return this.#view.getUint8(this.take(1))
  }

  i8(): number {
    return this.#view.getInt8(this.take(1))
  }

  u16(): number {
    return this.#view.getUint16(this.take(2), true)
  }

  i16(): number {
    return this.#view.getInt16(this.take(2), true)
  }

  u32(): number {
    return this.#view.getUint32(this.take(4), true)
  }

  i32(): number {
    return this.#view.getInt32(this.take(4), true)
  }

  f32(): number {
    return this.#view.getFloat32(this.take(4), true)
  }

  f64(): number {
    return this.#view.getFloat64(this.take(8), true)
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.take(8), true)
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.take(8), true)
  }

  /** A count of things that take at least `bytesEach` in the file. */
  count(bytesEach: number, what: string): number {
    const claimed = this.u64()
    if (claimed > BigInt(Math.floor(this.remaining / bytesEach))) {
      throw badCheckpoint(this.file, `it claims ${claimed} ${what}, more than its ${this.#fileSize} bytes can hold`)
    }
    return Number(claimed)
  }

  /** A copy of `length` bytes. */
  copy(length: number): Uint8Array<ArrayBuffer> {
    const start = this.take(length)
    return new Uint8Array(this.#bytes.subarray(start, start + length))
  }

  /** Steps over a string with its length before it. */
  skipString(): void {
    const low = this.u32()
    if (this.u32() !== 0) throw badCheckpoint(this.file, 'it claims a text of more than 4 GB')
    this.take(low)
  }

  /** The bytes from `start` to the position, copied. */
  copySince(start: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.subarray(start, this.position))
  }

  /** A string with its length before it. Bytes that are not UTF-8 become U+FFFD, as some real vocabularies need. */
  string(): string {
    const length = this.count(1, 'bytes of text')
    const start = this.take(length)
    return decoder.decode(this.#bytes.subarray(start, start + length))
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** First part of a file that is read; the vocabulary of a small model fits. */
const firstRead = 2 ** 20
/** Longest beginning of a file that is read; the largest vocabularies take about 15 MB. */
const headerLimit = 2 ** 28

/**
 * Parses the beginning of a file without knowing how long it is: a parser that runs out of bytes is started again with
 * four times as many.
 *
 * @throws R1Error 'bad-checkpoint', and what `parse` throws
 */
export async function parseBeginning<T>(source: ByteSource, parse: (cursor: HeaderCursor) => T): Promise<T> {
  let length = Math.min(firstRead, source.size)
  for (;;) {
    const bytes = await readBytes(source, 0, length)
    try {
      return parse(new HeaderCursor(bytes, source.size, source.name))
    } catch (error) {
      if (!(error instanceof NeedMoreBytes)) throw error
      if (error.atLeast > headerLimit) throw badCheckpoint(source.name, `its header passes ${headerLimit} bytes`)
      length = Math.min(source.size, Math.max(length * 4, error.atLeast))
    }
  }
}
