import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { R1Error } from '../../errors.ts'
import { PgliteEngine } from './engine.ts'

/** An archive of an empty database, made when the package is built: unpacking it takes half of the time of making one. */
const shippedTemplate = join(import.meta.dirname, '..', 'template.tar.gz')

/** Longest time for a database to be made or, after a crash, to go through its log. */
const openMilliseconds = 120_000

/**
 * Opens the database of a folder, and makes it where there is none: beside its place, so that one whose making was cut off
 * is never taken for a whole one.
 *
 * @throws R1Error `store-unusable`
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
    throw new R1Error('store-unusable', `The database in ${folder} cannot be opened.`, {
      remedy:
        'Look whether the disk is full or the folder belongs to someone else; otherwise restore it from a backup.',
      cause,
    })
  }
}
