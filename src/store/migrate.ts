import { join } from 'node:path'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { R1Error } from '../errors.ts'
import type { SqlConnection } from './connection.ts'

const folder = join(import.meta.dirname, 'migrations')

/** Any number: whoever brings the schema up to date in a shared database waits for others that do so. */
const lockNumber = 727_001

/**
 * Brings the schema up to date, in one transaction. The book of what was done is that of Drizzle's own tools.
 *
 * @throws R1Error `store-newer` for a database that a later version of this package has changed
 */
export async function migrate(connection: SqlConnection): Promise<void> {
  const migrations = readMigrationFiles({ migrationsFolder: folder })
  await connection.transaction(async ({ query }) => {
    await query(`select pg_advisory_xact_lock(${lockNumber})`)
    await query('create schema if not exists drizzle')
    await query(
      'create table if not exists drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)',
    )
    const [row] = await query('select max(created_at) from drizzle.__drizzle_migrations')
    const last = Number(row?.[0] ?? 0)
    if (last > Math.max(...migrations.map(({ folderMillis }) => folderMillis))) {
      throw new R1Error('store-newer', 'The database was changed by a later version of this program.', {
        remedy: 'Install that version, or use another data folder.',
      })
    }
    for (const { sql, hash, folderMillis } of migrations.filter((migration) => migration.folderMillis > last)) {
      for (const statement of sql) await query(statement)
      await query('insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)', [hash, folderMillis])
    }
  })
}
