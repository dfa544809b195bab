import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { R1Error } from '../errors.ts'
import type { SqlConnection } from './connection.ts'
import { dataFolder } from './data-folder.ts'
import { FolderLock } from './lock/folder-lock.ts'
import type { Store, StoreOptions } from './types.ts'

/** Longest time of one operation, and connections to PostgreSQL, where nothing else is asked for. */
const defaults = { timeoutMilliseconds: 30_000, connections: 10 }

/**
 * Opens the store: the PostgreSQL of `DATABASE_URL`, or PGlite in the data folder, of which this process is then the one
 * owner; it brings the schema up to date.
 *
 * @throws R1Error `store-locked` where another process owns the folder, `store-unusable`, `store-unavailable`,
 *   `store-newer`, `bad-config`
 */
export async function openStore(options: StoreOptions = {}): Promise<Store> {
  const url = options.url === undefined ? process.env.DATABASE_URL || null : options.url
  return url === null ? openPglite(options) : openPostgres(url, options)
}

async function openPostgres(url: string, options: StoreOptions): Promise<Store> {
  const { PostgresConnection } = await import('./postgres/connection.ts')
  const { timeoutMilliseconds: milliseconds, connections } = { ...defaults, ...definedOf(options) }
  const connection = new PostgresConnection(url, { milliseconds, connections })
  return await ready(connection, undefined)
}

async function openPglite(options: StoreOptions): Promise<Store> {
  const { PgliteConnection } = await import('./pglite/connection.ts')
  const folder = dataFolder(options.data)
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new R1Error('store-unusable', `The data folder ${folder} cannot be made.`, {
      remedy: 'Choose another one with R1_DATA or --data.',
      cause,
    })
  })
  const lock = await FolderLock.take(join(folder, 'owner'))
  try {
    const { timeoutMilliseconds } = { ...defaults, ...definedOf(options) }
    // The queries are loaded while the database begins in a thread of its own.
    const opening = PgliteConnection.open(join(folder, 'database'), timeoutMilliseconds)
    const [connection] = await Promise.all([opening, loadQueries()])
    return await ready(connection, lock)
  } catch (error) {
    await lock.release()
    throw error
  }
}

function definedOf({ timeoutMilliseconds, connections }: StoreOptions) {
  return { ...(timeoutMilliseconds && { timeoutMilliseconds }), ...(connections && { connections }) }
}

const loadQueries = () => Promise.all([import('./migrate.ts'), import('./queries/index.ts')] as const)

async function ready(connection: SqlConnection, lock: FolderLock | undefined): Promise<Store> {
  const [{ migrate }, { createQueries }] = await loadQueries()
  try {
    await migrate(connection)
  } catch (error) {
    await connection.close()
    throw error
  }
  const close = async () => {
    await connection.close()
    await lock?.release()
  }
  return {
    kind: connection.kind,
    ...createQueries(connection),
    async announce(address) {
      const token = lock && randomBytes(32).toString('base64url')
      if (lock && token) await lock.announce({ address, token })
      return token
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
