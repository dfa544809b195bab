import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { tinyServer } from '../../serve/testing/tiny-server.ts'
import { openStore } from '../../store/index.ts'

const main = resolve(import.meta.dirname, '../main.ts')
let data: string
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'r1-keys-'))
})
afterAll(() => rm(data, { recursive: true, force: true }))

/** `r1 keys` in a process of its own. */
async function keys(...words: string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', main, 'keys', ...words, '--data', data, '--json'],
    { env: { ...process.env, DATABASE_URL: '' } },
  )
  return JSON.parse(stdout)
}

it('r1 keys makes, lists and removes keys of a server that runs, and of its database when it does not', async () => {
  const server = await tinyServer({}, await openStore({ data, url: null }))
  const statusWith = async (key: string) =>
    (await server.get('/v1/models', key === '' ? {} : { authorization: `Bearer ${key}` })).status
  try {
    expect(await statusWith('')).toBe(200)
    const { secret, key } = (await keys('create', 'laptop', '--user', 'me', '--requests', '60')) as {
      secret: string
      key: { id: string }
    }
    // The server knows it at once.
    expect([await statusWith(''), await statusWith(secret), await statusWith(`${secret}x`)]).toEqual([401, 200, 401])
    const listed = await keys('list')
    expect(listed).toMatchObject([{ id: key.id, user: 'me', name: 'laptop', requestsPerMinute: 60 }])
    expect(JSON.stringify(listed)).not.toContain(secret)
    const { secret: other } = (await keys('create', '--admin')) as { secret: string }
    expect(await keys('remove', key.id.slice(0, 8))).toMatchObject({ id: key.id })
    expect([await statusWith(secret), await statusWith(other)]).toEqual([401, 200])
  } finally {
    await server[Symbol.asyncDispose]()
  }
  expect(await keys('list')).toMatchObject([{ user: 'local', admin: true }])
})
