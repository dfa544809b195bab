import { realpath } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { fileFailure, unsafePath } from './failure.ts'

/** Refuses a name that is anything but a plain file name: no folder, no '..', no drive, no NUL. */
export function checkFileName(name: string): void {
  if (name === '' || name === '.' || name === '..') throw unsafePath(name, 'is not a file name')
  if (/[/\\:\0]/.test(name)) throw unsafePath(name, 'leads out of its folder')
  if (name.length > 255) throw unsafePath(`${name.slice(0, 40)}…`, 'is too long')
}

const within = (path: string, folder: string) => path.startsWith(folder.endsWith(sep) ? folder : folder + sep)

/**
 * The path of a file that a checkpoint names, checked to lie in the checkpoint's folder once links are followed.
 * The hub's shared cache links `snapshots/<revision>/<file>` to `blobs/<hash>` of the same repository: that is inside too.
 *
 * @throws R1Error 'unsafe-path', 'file-not-found'
 */
export async function resolveInFolder(folder: string, name: string): Promise<string> {
  checkFileName(name)
  const path = join(folder, name)
  try {
    const [real, realFolder] = await Promise.all([realpath(path), realpath(folder)])
    if (within(real, realFolder)) return path
    const snapshots = dirname(realFolder)
    const blobs = join(dirname(snapshots), 'blobs')
    if (basename(snapshots) === 'snapshots' && within(real, blobs)) return path
  } catch (error) {
    throw fileFailure(path, error)
  }
  throw unsafePath(name, 'is a link that leads out of its folder')
}
