import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { R1Error } from '../../errors.ts'
import type { Sample } from './outcome.ts'

/** Texts with their rewards, one JSON object a line. */
export class SampleFile {
  private readonly handle: FileHandle

  private constructor(handle: FileHandle) {
    this.handle = handle
  }

  /** Begins a new file. @throws R1Error `file-failure` */
  static async create(path: string): Promise<SampleFile> {
    try {
      await mkdir(dirname(path), { recursive: true })
      return new SampleFile(await open(path, 'w'))
    } catch (cause) {
      throw new R1Error('file-failure', `${path} cannot be written.`, { remedy: 'Give another path.', cause })
    }
  }

  async append(task: string, sample: Sample): Promise<void> {
    await this.handle.write(`${JSON.stringify({ task, ...sample })}\n`)
  }

  async close(): Promise<void> {
    await this.handle.close()
  }
}
