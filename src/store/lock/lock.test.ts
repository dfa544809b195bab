import { mkdtemp, readdir, readFile, rm, stat, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openStore } from '../open.ts'
import { StoreWorker } from '../testing/start-worker.ts'
import { FolderLock } from './folder-lock.ts'
import { claim, latest } from './generations.ts'
import { identify, isRunning } from './identity.ts'
import { findOwner } from './owner.ts'
import type { OwnerRecord } from './record.ts'

const folders: string[] = []
async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'r1-lock-'))
  folders.push(folder)
  return folder
}
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

const fileIn = async (folder: string) => {
  const names = await readdir(folder)
  expect(names).toHaveLength(1)
  return join(folder, names[0] ?? '')
}

describe('the lock of a folder', () => {
  it('has one owner, who can give it back', async () => {
    const folder = await newFolder()
    const lock = await FolderLock.take(folder)
    await expect(FolderLock.take(folder)).rejects.toMatchObject({ code: 'store-locked' })
    await lock.release()
    const next = await FolderLock.take(folder)
    await next.release()
    expect(await readdir(folder)).toEqual(['2.json'])
  })

  it('goes to one of many who ask at the same time', async () => {
    const folder = await newFolder()
    const takers = await Promise.allSettled(Array.from({ length: 20 }, () => FolderLock.take(folder)))
    const winners = takers.filter((taker) => taker.status === 'fulfilled')
    expect(winners).toHaveLength(1)
    for (const taker of takers) if (taker.status === 'rejected') expect(taker.reason.code).toBe('store-locked')
    for (const { value } of winners) await value.release()
  })

  it('is taken over from a process that is gone, even if another one has its number now', async () => {
    const folder = await newFolder()
    const self = await identify()
    const crashed: OwnerRecord = { ...self, started: 'earlier', since: '' }
    expect(await isRunning(crashed)).toBe(process.platform === 'win32' ? undefined : false)
    expect(await claim(folder, 1, crashed)).toBe(true)
    const takers = await Promise.allSettled(Array.from({ length: 10 }, () => FolderLock.take(folder)))
    expect(takers.filter((taker) => taker.status === 'fulfilled')).toHaveLength(1)
    expect((await latest(folder))?.record).toMatchObject(self)
  })

  it('is taken over from a process that cannot be looked up only after silence', async () => {
    const folder = await newFolder()
    const elsewhere: OwnerRecord = { pid: 1, started: '1', space: 'another machine', since: '' }
    expect(await isRunning(elsewhere)).toBeUndefined()
    await claim(folder, 1, elsewhere)
    const file = await fileIn(folder)
    const sign = setInterval(() => utimes(file, new Date(), new Date()), 500)
    await expect(FolderLock.take(folder, 3_000)).rejects.toMatchObject({ code: 'store-locked' })
    clearInterval(sign)
    const lock = await FolderLock.take(folder, 3_000)
    await lock.release()
  })

  it('gives way to a later owner where an old state was seen', async () => {
    const folder = await newFolder()
    const record: OwnerRecord = { ...(await identify()), since: '' }
    expect(await claim(folder, 7, record)).toBe(true)
    expect(await claim(folder, 7, record)).toBe(false)
    expect(await claim(folder, 6, record)).toBe(false)
    expect(await readdir(folder)).toEqual(['7.json'])
  })

  it('is written so that only its user can read it', async () => {
    const folder = await newFolder()
    const lock = await FolderLock.take(folder)
    await lock.announce({ address: 'http://127.0.0.1:1', token: 'secret' })
    if (process.platform !== 'win32') expect((await stat(await fileIn(folder))).mode & 0o077).toBe(0)
    await lock.release()
    expect(await readFile(await fileIn(folder), 'utf8')).not.toContain('secret')
  })
})

describe('two processes on one data folder', () => {
  it('do not both open it; the second is told who has it, and where; a crash leaves no lock behind', async () => {
    const folder = await newFolder()
    const first = new StoreWorker(folder, 'serve')
    expect(await first.line(({ served }) => served)).toBeDefined()
    const refused = openStore({ data: folder, url: null })
    await expect(refused).rejects.toMatchObject({ code: 'store-locked', message: expect.stringContaining(':1234') })
    expect(await findOwner(folder)).toMatchObject({
      pid: first.pid,
      server: { address: 'http://127.0.0.1:1234', token: expect.stringMatching(/^[\w-]{43}$/) },
    })
    await first.kill()
    expect(await findOwner(folder)).toBeUndefined()
    const store = await openStore({ data: folder, url: null })
    const second = new StoreWorker(folder, 'hold')
    expect(await second.line(({ failed }) => failed)).toMatchObject({ failed: 'store-locked' })
    await store.close()
    const third = new StoreWorker(folder, 'hold')
    expect(await third.line(({ open, failed }) => open ?? failed)).toMatchObject({ open: true })
    await third.close()
    expect(await findOwner(folder)).toBeUndefined()
  })
})
