import { realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { R1Error } from '../../../errors.ts'

/** Names that a run or one of its stages can have: no separators, nothing that leads upwards or is hidden. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

export const isName = (name: string): boolean => namePattern.test(name)

const missing = () => new R1Error('not-found', 'There is no such run or stage.', { remedy: 'Look at the list.' })

/**
 * The real path of something in a folder, after all links: nothing outside the folder is ever read.
 *
 * @throws R1Error `not-found` for what is not there, has a bad name or lies elsewhere
 */
export async function inside(root: string, ...names: readonly string[]): Promise<string> {
  if (!names.every(isName)) throw missing()
  try {
    const [top, found] = await Promise.all([realpath(root), realpath(join(root, ...names))])
    if (found.startsWith(top + sep)) return found
  } catch {
    // It is not there, or may not be read.
  }
  throw missing()
}
