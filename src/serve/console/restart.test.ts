import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../store/index.ts'
import { PostgresConnection } from '../../store/postgres/connection.ts'
import { PostgresServer } from '../../store/testing/postgres-server.ts'
import { type TinyServer, tinyServer } from '../testing/tiny-server.ts'

const missing = await PostgresServer.missing()
if (missing) console.log(`Skipped: a server whose database restarts, since ${missing}.`)

describe.skipIf(missing)('a server on PostgreSQL', () => {
  let database: PostgresServer
  let server: TinyServer
  let url: string
  beforeAll(async () => {
    database = await PostgresServer.start()
    url = await database.createDatabase()
    server = await tinyServer({}, await openStore({ url, connections: 4 }))
  })
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]()
    await database?.[Symbol.asyncDispose]()
  })

  it('answers 503 with Retry-After while the database is away, and stores what is sent again once it is back', async () => {
    const conversation = { id: randomUUID(), title: 'kept' }
    expect((await server.post('/api/conversations', conversation)).status).toBe(200)
    const path = `/api/conversations/${conversation.id}`
    const message = { id: randomUUID(), parent: null, content: 'sent again and again' }
    await database.halt()
    for (let tries = 0; tries < 3; tries++) {
      const refused = await server.post(`${path}/messages`, message)
      expect(refused.status).toBe(503)
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(await refused.json()).toMatchObject({ error: { code: 'store_unavailable' } })
    }
    expect((await server.get('/health')).status).toBe(200)
    await database.resume()
    for (let tries = 0; tries < 2; tries++) expect((await server.post(`${path}/messages`, message)).status).toBe(200)
    const whole = JSON.parse(await (await server.get(path)).text())
    expect(whole).toMatchObject({ title: 'kept', messages: [{ id: message.id, content: message.content }] })
    expect(whole.messages).toHaveLength(1)
  })

  it('leaves no connection behind when it ends', async () => {
    const looker = new PostgresConnection(url, { milliseconds: 10_000, connections: 1 })
    const others =
      'select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()'
    await server.get('/api/conversations')
    expect(Number((await looker.query(others))[0]?.[0])).toBeGreaterThan(0)
    await server.running.drain()
    expect(Number((await looker.query(others))[0]?.[0])).toBe(0)
    await looker.close()
  })
})
