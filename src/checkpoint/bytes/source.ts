import { type FileHandle, open } from 'node:fs/promises'
import { badCheckpoint, fileFailure } from '../failure.ts'

/** Bytes that can be read at any position: a file, or memory in tests. */
export interface ByteSource {
  /** What error messages call it. */
  readonly name: string
  /** Length in bytes. */
  readonly size: number
  /** Fills `target` with the bytes from `offset` on. @throws R1Error 'bad-checkpoint' when they pass the end */
  readInto(offset: number, target: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** The most bytes asked of the file system at once: Node refuses reads of 2 GiB and more. */
const readLimit = 2 ** 30

function checkRange(source: ByteSource, offset: number, length: number): void {
  if (!Number.isSafeInteger(offset) || offset < 0 || length < 0 || offset + length > source.size) {
    throw badCheckpoint(
      source.name,
      `bytes ${offset} to ${offset + length} are asked of a file of ${source.size} bytes`,
    )
  }
}

class FileSource implements ByteSource {
  readonly name: string
  readonly size: number
  readonly #handle: FileHandle

  constructor(name: string, size: number, handle: FileHandle) {
    this.name = name
    this.size = size
    this.#handle = handle
  }

  async readInto(offset: number, target: Uint8Array): Promise<void> {
    checkRange(this, offset, target.byteLength)
    let done = 0
    while (done < target.byteLength) {
      const length = Math.min(target.byteLength - done, readLimit)
      const { bytesRead } = await this.#handle.read(target, done, length, offset + done).catch((error: unknown) => {
        throw fileFailure(this.name, error)
      })
      if (bytesRead === 0) throw badCheckpoint(this.name, 'the file became shorter while it was read')
      done += bytesRead
    }
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

class MemorySource implements ByteSource {
  readonly name: string
  readonly size: number
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = bytes
    this.name = name
    this.size = bytes.byteLength
  }

  async readInto(offset: number, target: Uint8Array): Promise<void> {
    checkRange(this, offset, target.byteLength)
    target.set(this.#bytes.subarray(offset, offset + target.byteLength))
  }

  async close(): Promise<void> {}
}

/** Opens a file for positioned reads. @throws R1Error 'file-not-found' and the like */
export async function openFileSource(path: string): Promise<ByteSource> {
  let handle: FileHandle | undefined
  try {
    handle = await open(path, 'r')
    const status = await handle.stat()
    if (!status.isFile()) throw badCheckpoint(path, 'it is not a regular file')
    return new FileSource(path, status.size, handle)
  } catch (error) {
    await handle?.close()
    throw fileFailure(path, error)
  }
}

/** The same interface over bytes in memory. */
export function memorySource(bytes: Uint8Array, name = 'memory'): ByteSource {
  return new MemorySource(bytes, name)
}

/** Reads a range into new memory; the range is checked against the real size before anything is allocated. */
export async function readBytes(source: ByteSource, offset: number, length: number): Promise<Uint8Array> {
  checkRange(source, offset, length)
  const bytes = new Uint8Array(length)
  await source.readInto(offset, bytes)
  return bytes
}
