import { randomUUID } from 'node:crypto'
import { copyFile, lstat, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { writeAtomically } from '../atomic.ts'
import { fileFailure } from '../failure.ts'
import type { HubReference } from './names.ts'

/**
 * The folder of one model in the cache that Hugging Face's tools share:
 * `blobs/<hash>` the contents, `refs/<revision>` the commit a name stands for, `snapshots/<commit>/<path>` links to blobs.
 */
export class ModelCache {
  readonly folder: string

  constructor(cacheFolder: string, model: string) {
    this.folder = join(cacheFolder, `models--${model.replace('/', '--')}`)
  }

  blob(hash: string): string {
    return join(this.folder, 'blobs', hash)
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit)
  }

  /** Makes the folders. @throws R1Error 'disk-full', 'file-failure' */
  async prepare(): Promise<void> {
    await mkdir(join(this.folder, 'blobs'), { recursive: true }).catch((error: unknown) => {
      throw fileFailure(this.folder, error)
    })
  }

  /** True where the content of that hash and size lies in the cache. */
  async has(hash: string, size: number): Promise<boolean> {
    const status = await stat(this.blob(hash)).catch(() => undefined)
    return status?.isFile() === true && status.size === size
  }

  /** Makes a snapshot's file point to its content; where links cannot be made, copies it. */
  async link(commit: string, path: string, hash: string): Promise<void> {
    const place = join(this.snapshot(commit), path)
    try {
      await mkdir(dirname(place), { recursive: true })
      const temporary = `${place}.${randomUUID()}.tmp`
      const target = relative(dirname(place), this.blob(hash))
      await symlink(target, temporary).catch(() => copyFile(this.blob(hash), temporary))
      await rename(temporary, place).catch(async (error: unknown) => {
        await rm(temporary, { force: true })
        throw error
      })
    } catch (error) {
      throw fileFailure(place, error)
    }
  }

  /** Remembers which commit a branch or tag stands for. */
  async remember({ revision }: HubReference, commit: string): Promise<void> {
    if (revision === commit) return
    const place = join(this.folder, 'refs', revision)
    await mkdir(dirname(place), { recursive: true })
    await writeAtomically(place, (writer) => writer.write(new TextEncoder().encode(commit)))
  }

  /** The snapshot folder of a revision that was fetched before, or undefined. */
  async find({ revision }: HubReference): Promise<string | undefined> {
    const known = await readFile(join(this.folder, 'refs', revision), 'utf8').catch(() => revision)
    const commit = known.trim()
    if (!/^[0-9a-f]{40}$/.test(commit)) return undefined
    const folder = this.snapshot(commit)
    return (await lstat(folder).catch(() => undefined)) ? folder : undefined
  }
}
