import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { fileFailure } from './failure.ts'

/** Whether there is a folder of this name. */
export const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  )

/**
 * Makes a folder that is there whole or not at all; one that is there already is left as it is.
 *
 * @param fill writes into the folder it is given
 * @returns the folder
 * @throws R1Error 'disk-full', 'file-failure', and what `fill` throws
 */
export async function makeFolder(folder: string, fill: (temporary: string) => Promise<void>): Promise<string> {
  if (await isFolder(folder)) return folder
  const temporary = `${folder}.part`
  try {
    await rm(temporary, { recursive: true, force: true })
    await mkdir(temporary, { recursive: true })
    await fill(temporary)
    await rename(temporary, folder)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined)
    throw fileFailure(folder, error)
  }
  return folder
}
