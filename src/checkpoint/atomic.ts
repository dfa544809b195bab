import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileFailure } from './failure.ts'

/** A file being written that nobody sees until it is whole. */
export interface AtomicWriter {
  write(bytes: Uint8Array): Promise<void>
}

async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0
  while (done < bytes.byteLength) done += (await handle.write(bytes, done, bytes.byteLength - done)).bytesWritten
}

/** Makes the rename itself survive a power cut; not every system can open a folder, and then there is nothing to do. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}

/**
 * Writes a file so that a reader, or a crash, sees the old one or the whole new one, never a part.
 *
 * @param fill writes the content, front to back
 * @throws R1Error 'disk-full', 'file-failure'; the temporary file is gone then
 */
export async function writeAtomically(path: string, fill: (writer: AtomicWriter) => Promise<void>): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`)
  let handle: FileHandle | undefined
  try {
    handle = await open(temporary, 'wx')
    const file = handle
    await fill({ write: (bytes) => writeFully(file, bytes) })
    await handle.sync()
    await handle.close()
    handle = undefined
    await rename(temporary, path)
    await syncFolder(dirname(path))
  } catch (error) {
    await handle?.close().catch(() => undefined)
    await rm(temporary, { force: true })
    throw fileFailure(path, error)
  }
}

/** {@link writeAtomically} for a JSON value, indented as Hugging Face's tools do. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  const text = `${JSON.stringify(value, undefined, 2)}\n`
  await writeAtomically(path, (writer) => writer.write(new TextEncoder().encode(text)))
}
