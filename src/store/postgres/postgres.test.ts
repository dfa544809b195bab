import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../open.ts'
import { describeStore } from '../testing/contract.ts'
import { PostgresServer } from '../testing/postgres-server.ts'

const missing = await PostgresServer.missing()
if (missing) console.log(`Skipped: the store on PostgreSQL, since ${missing}.`)

describe.skipIf(missing)('with a server', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await PostgresServer.start()
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
  })

  describeStore('PostgreSQL', async () => openStore({ url: await server.createDatabase() }))

  it('is opened by several at once, and the schema is brought up to date once', async () => {
    const url = await server.createDatabase()
    const stores = await Promise.all([1, 2, 3].map(() => openStore({ url, connections: 2 })))
    const user = 'someone'
    const [one, two, three] = stores
    const made = await one?.conversations.create(user, { title: 'shared' })
    expect(await two?.conversations.get(user, made?.id ?? '')).toEqual(made)
    expect(await three?.announce('http://127.0.0.1:1')).toBeUndefined()
    await Promise.all(stores.map((store) => store.close()))
  })

  it('says that the database cannot be reached while it is stopped, and goes on when it is back', async () => {
    const url = await server.createDatabase()
    await using store = await openStore({ url, connections: 3 })
    const user = 'someone'
    const { id } = await store.conversations.create(user, {})
    const sent = { id: randomUUID(), parent: null, role: 'user', content: 'kept' } as const
    await server.halt()
    for (let tries = 0; tries < 3; tries++) {
      await expect(store.messages.add(user, id, sent)).rejects.toMatchObject({ code: 'store-unavailable' })
    }
    await server.resume()
    expect((await store.messages.add(user, id, sent)).content).toBe('kept')
    expect(await store.messages.list(user, id)).toHaveLength(1)
  })

  it('ends what takes too long, and is of use after that', async () => {
    const url = await server.createDatabase()
    const { PostgresConnection } = await import('./connection.ts')
    const connection = new PostgresConnection(url, { milliseconds: 300, connections: 1 })
    await expect(connection.query('select pg_sleep(20)')).rejects.toMatchObject({ code: 'store-timeout' })
    expect(await connection.query('select 1')).toEqual([[1]])
    await connection.close()
  })
})

describe('addresses of databases', () => {
  it('says that a server is not there, and that an address is none', async () => {
    const nobody = openStore({ url: 'postgres://r1@127.0.0.1:1/none' })
    await expect(nobody).rejects.toMatchObject({ code: 'store-unavailable' })
    await expect(openStore({ url: 'postgres://[' })).rejects.toMatchObject({ code: 'bad-config' })
  })
})
