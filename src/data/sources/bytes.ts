import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { dataFailure } from '../failure.ts'

const chunkBytes = 1 << 18

/**
 * The content of a file piece by piece, unpacked where the name ends in `.gz`; read only as fast as it is taken.
 *
 * @param from bytes of the (unpacked) content to leave out
 * @throws R1Error `file-not-found`, `file-failure`, `bad-data`
 */
export async function* readBytes(path: string, from = 0): AsyncGenerator<Buffer, void, void> {
  try {
    if (path.endsWith('.gz')) yield* unpacked(path, from)
    else yield* plain(path, from)
  } catch (error) {
    throw dataFailure(path, error)
  }
}

async function* plain(path: string, from: number): AsyncGenerator<Buffer, void, void> {
  const handle = await open(path, 'r')
  try {
    for (let position = from; ; ) {
      // A new buffer each time: the lines of the last one may still be in use.
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(chunkBytes), 0, chunkBytes, position)
      if (bytesRead === 0) return
      position += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await handle.close()
  }
}

async function* unpacked(path: string, from: number): AsyncGenerator<Buffer, void, void> {
  const file = createReadStream(path)
  const stream = createGunzip({ chunkSize: chunkBytes })
  file.on('error', (error) => stream.destroy(error))
  try {
    let left = from
    for await (const chunk of file.pipe(stream) as AsyncIterable<Buffer>) {
      const skipped = Math.min(left, chunk.length)
      left -= skipped
      if (skipped < chunk.length) yield chunk.subarray(skipped)
    }
  } finally {
    file.destroy()
    stream.destroy()
  }
}
