import { join } from 'node:path'
import { dataFolder } from '../data-folder.ts'
import { isOwned } from './folder-lock.ts'
import { latest } from './generations.ts'

/** The process that has the store of a data folder open. */
export interface StoreOwner {
  readonly pid: number
  /** Where its server listens, and the token that opens all of its doors to commands of the same user. */
  readonly server: { readonly address: string; readonly token: string } | undefined
}

/**
 * Who has the store of a data folder open now; with PostgreSQL, nobody does.
 *
 * @param data the folder as for `openStore`
 */
export async function findOwner(data?: string): Promise<StoreOwner | undefined> {
  const folder = join(dataFolder(data), 'owner')
  const current = await latest(folder).catch(() => undefined)
  if (!current || !(await isOwned(folder, current))) return undefined
  const { pid, address, token } = current.record
  return { pid, server: address && token ? { address, token } : undefined }
}
