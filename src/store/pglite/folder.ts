import { existsSync } from 'node:fs'
import { mkdir, rename, rm, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { R1Error } from '../../errors.ts'
import { diskFull } from '../failure.ts'
import { PgliteEngine } from './engine.ts'

/** An archive of an empty database, made when the package is built: unpacking it takes half of the time of making one. */
const shippedTemplate = join(import.meta.dirname, '..', 'template.tar.br')

/** Longest time for a database to be made or, after a crash, to go through its log. */
const openMilliseconds = 120_000

/** Bytes without which a database cannot go on: after a crash it first writes segments of its log, of 1 MB each. */
const leastRoom = 4e6

/**
 * Opens the database of a folder, and makes it where there is none: beside its place, so that one whose making was cut off
 * is never taken for a whole one.
 *
 * @throws R1Error `store-unusable`, `disk-full`
 */
export async function openFolder(folder: string): Promise<PgliteEngine> {
  try {
    if (!existsSync(join(folder, 'PG_VERSION'))) {
      const beginning = `${folder}.new`
      await rm(beginning, { recursive: true, force: true })
      await mkdir(beginning, { recursive: true, mode: 0o700 })
      const template = existsSync(shippedTemplate) ? shippedTemplate : undefined
      const maker = await PgliteEngine.open(beginning, template, openMilliseconds)
      await maker.close(openMilliseconds)
      await rename(beginning, folder)
    }
    return await PgliteEngine.open(folder, undefined, openMilliseconds)
  } catch (cause) {
    if (R1Error.isInstance(cause, 'store-timeout')) throw cause
    if ((await roomAt(folder)) < leastRoom) throw diskFull(cause)
    throw new R1Error('store-unusable', `The database in ${folder} cannot be opened.`, {
      remedy:
        'Look whether the disk is full or the folder belongs to someone else; otherwise restore it from a backup.',
      cause,
    })
  }
}

/** Bytes that are free where a folder is or would be. */
async function roomAt(folder: string): Promise<number> {
  const found = await statfs(dirname(folder)).catch(() => undefined)
  return found ? found.bavail * found.bsize : Number.POSITIVE_INFINITY
}
