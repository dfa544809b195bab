import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openStore } from '../open.ts'
import { describeStore } from '../testing/contract.ts'
import { crashUnderLoad } from '../testing/crashes.ts'
import { PgliteConnection } from './connection.ts'

const folders: string[] = []
async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'r1-store-'))
  folders.push(folder)
  return folder
}
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

const data = await newFolder()

describeStore('PGlite', () => openStore({ data, url: null }))

describe('the embedded database', () => {
  it('loses nothing that it acknowledged when its process is killed under load', async () => {
    const report = await crashUnderLoad(data, { kills: 4, random: Math.random })
    expect(report).toMatchObject({ kills: 4, lost: 0, duplicated: 0, invented: 0 })
    expect(report.acknowledged).toBeGreaterThan(0)
  })

  it('ends a statement that takes too long, and one that waits gets its turn after that', async () => {
    const connection = await PgliteConnection.open(join(data, 'database'), 1500)
    await connection.query('create table if not exists kept (number int)')
    await connection.query('insert into kept values (1)')
    const endless = connection.query('select count(*) from generate_series(1, 1e15::bigint)')
    const waiting = connection.query('select number from kept')
    await expect(endless).rejects.toMatchObject({ code: 'store-timeout' })
    expect(await waiting).toEqual([[1]])
    await connection.query('drop table kept')
    await connection.close()
  })

  it('takes a transaction back whole where a part of it fails', async () => {
    const connection = await PgliteConnection.open(join(data, 'database'), 30_000)
    await connection.query('create table parts (number int primary key)')
    const failing = connection.transaction(async ({ query }) => {
      await query('insert into parts values (1)')
      await query('insert into parts values (1)')
    })
    await expect(failing).rejects.toMatchObject({ code: 'conflict' })
    expect(await connection.query('select number from parts')).toEqual([])
    await connection.query('drop table parts')
    await connection.close()
    await expect(connection.query('select 1')).rejects.toMatchObject({ code: 'store-unavailable' })
  })

  it('says that a folder holds no database it can read, and lets go of it', async () => {
    const folder = await newFolder()
    await mkdir(join(folder, 'database'))
    await writeFile(join(folder, 'database', 'PG_VERSION'), '18\n')
    for (let tries = 0; tries < 2; tries++) {
      await expect(openStore({ data: folder, url: null })).rejects.toMatchObject({ code: 'store-unusable' })
    }
  })

  it('leaves no row of a removed user in any table there is, and exports from each', async () => {
    const user = `leaver-${randomUUID()}`
    const store = await openStore({ data, url: null })
    const { id } = await store.conversations.create(user, {})
    await store.messages.add(user, id, { id: randomUUID(), parent: null, role: 'user', content: 'x' })
    await store.keys.create({ user })
    await store.usage.add({ user, model: 'm', promptTokens: 1, completionTokens: 1 })
    await store.runs.record({ folder: user, user, name: 'r', status: 'running', details: null })
    const exported = Object.keys(await store.users.exportRest(user)).filter((name) => name !== 'user')
    await store.close()
    const counts = async () => {
      const connection = await PgliteConnection.open(join(data, 'database'), 30_000)
      const tables = await connection.query("select tablename from pg_tables where schemaname = 'public' order by 1")
      const found: [string, number][] = []
      for (const [table] of tables) {
        const [row] = await connection.query(`select count(*) from "${table}" where user_id = $1`, [user])
        found.push([String(table), Number(row?.[0])])
      }
      await connection.close()
      return found
    }
    const before = await counts()
    // A table that is new must be filled above, exported and removed.
    expect(before.map(([table]) => table)).toEqual(['conversations', 'messages', ...exported].sort())
    expect(before.map(([, rows]) => rows)).toEqual(before.map(() => 1))
    const again = await openStore({ data, url: null })
    await again.users.remove(user)
    await again.close()
    expect((await counts()).map(([, rows]) => rows)).toEqual(before.map(() => 0))
  })

  it('says that a later version has changed the database', async () => {
    const { migrate } = await import('../migrate.ts')
    const connection = await PgliteConnection.open(join(data, 'database'), 30_000)
    const later = 'insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)'
    await connection.query(later, [randomUUID(), 9e15])
    await expect(migrate(connection)).rejects.toMatchObject({ code: 'store-newer' })
    await connection.query('delete from drizzle.__drizzle_migrations where created_at = $1', [9e15])
    await migrate(connection)
    await connection.close()
  })
})
