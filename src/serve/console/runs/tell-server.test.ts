import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { R1Error } from '../../../errors.ts'
import { FolderLock } from '../../../store/lock/folder-lock.ts'
import { toldToServer } from './tell-server.ts'

let data: string
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'r1-tell-'))
  vi.stubEnv('R1_DATA', data)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(data, { recursive: true, force: true })
})

it('tells the server of the data folder how a run goes, with the token that only its user can read', async () => {
  const heard: string[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const { folder, status } = JSON.parse(text)
    heard.push([request.method, request.url, request.headers.authorization, folder, status].join(' '))
    response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const lock = await FolderLock.take(join(data, 'owner'))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await lock.announce({ address, token: 'secret' })
  try {
    expect(await toldToServer('/runs', 'one', async () => 5)).toBe(5)
    const failing = async () => Promise.reject(new R1Error('aborted', 'Stopped.'))
    await expect(toldToServer('/runs', 'two', failing)).rejects.toMatchObject({ code: 'aborted' })
  } finally {
    await lock.release()
    server.closeAllConnections()
    server.close()
  }
  const said = (name: string, status: string) => `POST /api/runs Bearer secret /runs/${name} ${status}`
  expect(heard).toEqual([
    said('one', 'running'),
    said('one', 'finished'),
    said('two', 'running'),
    said('two', 'stopped'),
  ])
})

it('does the work all the same where no server runs, or the one that was there is gone', async () => {
  expect(await toldToServer('/runs', 'one', async () => 5)).toBe(5)
  const lock = await FolderLock.take(join(data, 'owner'))
  await lock.announce({ address: 'http://127.0.0.1:1', token: 'secret' })
  expect(await toldToServer('/runs', 'one', async () => 6)).toBe(6)
  await lock.release()
})
