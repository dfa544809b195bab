import { mkdir, utimes } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { R1Error } from '../../errors.ts'
import { claim, fileOf, type Generation, latest, rewrite } from './generations.ts'
import { identify, isRunning } from './identity.ts'
import type { OwnerRecord } from './record.ts'

/** How often an owner gives a sign of life, and how long others wait for one where they cannot see its process. */
const signMilliseconds = 2_000
const silenceMilliseconds = 15_000

/**
 * The one owner of a folder. The lock survives crashes: an owner that no longer runs is succeeded, at once where its process
 * can be looked up (by number and start), after 15 seconds without a sign of life where it cannot.
 */
export class FolderLock {
  private readonly folder: string
  private readonly number: number
  private record: OwnerRecord
  private readonly timer: NodeJS.Timeout

  private constructor(folder: string, number: number, record: OwnerRecord) {
    this.folder = folder
    this.number = number
    this.record = record
    const path = fileOf(folder, number)
    this.timer = setInterval(() => {
      const now = new Date()
      utimes(path, now, now).catch(() => undefined)
    }, signMilliseconds).unref()
  }

  /**
   * @param folder of the owners' files; it is made where it is missing
   * @param silence milliseconds without a sign of life after which an owner that cannot be looked up is succeeded
   * @throws R1Error `store-locked` with who owns it, `store-unusable` where no lock can be taken
   */
  static async take(folder: string, silence = silenceMilliseconds): Promise<FolderLock> {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const record: OwnerRecord = { ...(await identify()), since: new Date().toISOString() }
      for (;;) {
        const current = await latest(folder)
        if (current && (await isOwned(folder, current, silence))) throw locked(folder, current.record)
        const number = (current?.number ?? 0) + 1
        if (await claim(folder, number, record)) return new FolderLock(folder, number, record)
      }
    } catch (cause) {
      if (R1Error.isInstance(cause)) throw cause
      throw new R1Error('store-unusable', `The folder ${dirname(folder)} cannot be locked.`, {
        remedy: 'Put the data folder on a local file system that you may write to.',
        cause,
      })
    }
  }

  /** Tells other commands where the owner's server listens. */
  async announce(server: { readonly address: string; readonly token: string }): Promise<void> {
    this.record = { ...this.record, ...server }
    await rewrite(this.folder, this.number, this.record)
  }

  async release(): Promise<void> {
    clearInterval(this.timer)
    const { pid, started, space, since } = this.record
    // On a full disk nothing can be written: the lock falls with this process, and whatever went wrong is told, not this.
    await rewrite(this.folder, this.number, { pid, started, space, since, released: true }).catch(() => undefined)
  }
}

/** Whether the owner of a file still runs. */
export async function isOwned(
  folder: string,
  { number, record, touched }: Generation,
  silence = silenceMilliseconds,
): Promise<boolean> {
  if (record.released) return false
  const running = await isRunning(record)
  if (running !== undefined) return running
  // Only signs seen while waiting count: the clocks of two machines differ.
  for (let waited = 0; waited < silence; waited += signMilliseconds / 4) {
    await sleep(signMilliseconds / 4)
    const now = await latest(folder)
    if (now?.number !== number) return now !== undefined && isOwned(folder, now, silence)
    if (now.record.released) return false
    if (now.touched !== touched) return true
  }
  return false
}

function locked(folder: string, { pid, address }: OwnerRecord): R1Error {
  const where = address ? ` and serves it at ${address}` : ''
  return new R1Error(
    'store-locked',
    `The data folder ${dirname(folder)} belongs to process ${pid}, which runs${where}.`,
    {
      remedy: 'Speak to that server, stop it first, or choose another folder with R1_DATA or --data.',
    },
  )
}
