import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { R1Error } from '../../errors.ts'
import type { LoopOptions } from './options.ts'

/** Numbers of a parameter that are written: in the checkpoint; in the state itself and two moments, twice while it is replaced. */
const numbersWritten = 1 + 2 * 3

/** Free bytes where a folder will be; undefined where nobody can say. */
async function freeBytes(folder: string): Promise<number | undefined> {
  for (let path = folder; ; path = dirname(path)) {
    try {
      const { bavail, bsize } = await statfs(path)
      return bavail * bsize
    } catch {
      if (path === dirname(path)) return undefined
    }
  }
}

/**
 * Looks whether what a stage writes finds room on the disk.
 *
 * @param parameters of the model
 * @param free bytes, measured without it
 * @throws R1Error `disk-full`
 */
export async function checkRoom(
  folder: string,
  parameters: number,
  { ema }: Pick<LoopOptions, 'ema'>,
  free?: number,
): Promise<void> {
  const needed = 4 * parameters * (numbersWritten + (ema === undefined ? 0 : 2))
  const found = free ?? (await freeBytes(folder))
  if (found === undefined || found >= needed) return
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`
  throw new R1Error(
    'disk-full',
    `${folder} has ${gigabytes(found)} free, the stage writes up to ${gigabytes(needed)}.`,
    {
      remedy: 'Make room, or keep the runs elsewhere with --runs.',
    },
  )
}
