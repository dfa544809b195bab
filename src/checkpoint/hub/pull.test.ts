import { mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fileFailure } from '../failure.ts'
import { openCheckpoint } from '../open.ts'
import { encodeSafetensors } from '../safetensors/write.ts'
import { tensorOfFloat32 } from '../writable.ts'
import { chooseFiles } from './choose.ts'
import { locateCheckpoint } from './locate.ts'
import { isHubId, parseHubReference } from './names.ts'
import { type PullOptions, type PullProgress, pull } from './pull.ts'
import { type HubSettings, readHubSettings } from './settings.ts'
import { type FakeHub, fakeCommit, startFakeHub } from './testing/fake-hub.ts'

const model = 'someone/tiny'
const values = Float32Array.from({ length: 50_000 }, (_, index) => Math.sin(index))
let folder: string
let hub: FakeHub
let settings: HubSettings

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'r1-hub-'))
  const parts: Uint8Array[] = []
  for await (const part of encodeSafetensors([tensorOfFloat32('w', 'F32', [values.length], values)])) parts.push(part)
  hub = await startFakeHub(model, {
    'config.json': { content: Buffer.from('{"model_type":"llama"}'), large: false },
    'README.md': { content: Buffer.from('---\nlicense: mit\n---\n'), large: false },
    'empty.txt': { content: Buffer.alloc(0), large: false },
    'model.safetensors': { content: Buffer.concat(parts), large: true },
    'pytorch_model.bin': { content: Buffer.from('not wanted'), large: true },
    'onnx/model.onnx': { content: Buffer.from('not wanted'), large: true },
  })
  settings = { endpoint: hub.endpoint, cacheFolder: join(folder, 'hub'), token: undefined, offline: false }
})

afterEach(async () => {
  await hub[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const pullHere = (options: PullOptions = {}) => pull(model, { settings, retryDelay: 1, ...options })
const askedFor = (path: string) => hub.requests.filter((request) => request.startsWith(path))

describe('pull', () => {
  it('brings the texts and one format of weights into the shared cache, which opens as a checkpoint', async () => {
    const pulled = await pullHere()
    expect(pulled).toMatchObject({ model, revision: 'main', commit: fakeCommit })
    expect([...pulled.files].sort()).toEqual(['README.md', 'config.json', 'empty.txt', 'model.safetensors'])
    const repository = join(folder, 'hub', 'models--someone--tiny')
    expect(pulled.path).toBe(join(repository, 'snapshots', fakeCommit))
    expect(await readFile(join(repository, 'refs', 'main'), 'utf8')).toBe(fakeCommit)
    expect(await readlink(join(pulled.path, 'model.safetensors'))).toMatch(/^\.\.\/\.\.\/blobs\/[0-9a-f]{64}$/)
    await using checkpoint = await openCheckpoint(pulled.path)
    expect(checkpoint.config).toEqual({ model_type: 'llama' })
    expect(await checkpoint.readFloat32('w')).toEqual(values)
  })

  it('goes on where the connection was cut, as often as that brings something new', async () => {
    hub.faults.cuts = [70_000, 0, 60_000, 10]
    const pulled = await pullHere({ include: ['model.safetensors'] })
    expect(askedFor('model.safetensors').length).toBeGreaterThan(3)
    expect(
      askedFor('model.safetensors')
        .slice(1)
        .some((request) => !request.endsWith('all')),
    ).toBe(true)
    await using checkpoint = await openCheckpoint(pulled.path)
    expect(await checkpoint.readFloat32('w')).toEqual(values)
  })

  it('goes on with what an earlier, interrupted pull left', async () => {
    const controller = new AbortController()
    const onProgress = ({ done }: { done: number }) => {
      if (done > 30_000) controller.abort()
    }
    hub.faults.cuts = [100_000]
    const first = pullHere({ include: ['model.safetensors'], signal: controller.signal, onProgress })
    await expect(first).rejects.toThrow()
    hub.faults.cuts = []
    hub.requests.length = 0
    await pullHere({ include: ['model.safetensors'] })
    expect(askedFor('model.safetensors')).toHaveLength(1)
    expect(askedFor('model.safetensors')[0]).not.toMatch(/all$/)
  })

  it('starts again where the server knows no ranges', async () => {
    hub.faults.cuts = [50_000]
    hub.faults.ignoreRanges = true
    const pulled = await pullHere()
    await using checkpoint = await openCheckpoint(pulled.path)
    expect(await checkpoint.readFloat32('w')).toEqual(values)
  })

  it('fetches nothing twice', async () => {
    await pullHere()
    hub.requests.length = 0
    expect(await pullHere()).toMatchObject({ fetched: 0 })
    expect(hub.requests).toEqual([])
  })

  it('counts every byte once', async () => {
    hub.faults.cuts = [20_000, 5]
    const seen: PullProgress[] = []
    const pulled = await pullHere({ onProgress: (progress) => void seen.push(progress) })
    expect(seen.at(-1)).toMatchObject({ done: pulled.bytes, total: pulled.bytes })
  })

  it('refuses content that does not have its hash', async () => {
    hub.faults.corrupt = true
    await expect(pullHere()).rejects.toMatchObject({ code: 'hash-mismatch' })
    hub.faults.corrupt = false
    await expect(pullHere()).resolves.toBeDefined()
  })

  it.each([
    [401, 'hub-unauthorized'],
    [403, 'hub-unauthorized'],
    [404, 'hub-not-found'],
    [429, 'hub-busy'],
    [503, 'hub-unavailable'],
  ])('says what a %i means', async (status, code) => {
    hub.faults.status = status
    await expect(pullHere()).rejects.toMatchObject({ code })
  })

  it('gives up, with a reason, on a server that is gone', async () => {
    await hub[Symbol.asyncDispose]()
    await expect(pullHere()).rejects.toMatchObject({ code: 'hub-unreachable' })
  })

  it('gives the token to the hub and to nobody it redirects to', async () => {
    const other = await startFakeHub(model, Object.fromEntries(hub.files))
    hub.faults.token = 'secret'
    hub.faults.redirect = other.endpoint.replace('127.0.0.1', 'localhost')
    await pullHere({ settings: { ...settings, token: 'secret' } })
    expect(other.authorizations).toHaveLength(1)
    expect(other.authorizations[0]).toMatch(/none$/)
    await other[Symbol.asyncDispose]()
  })

  it.each(['../../escaped', 'a/../../b', '/etc/passwd', 'a\\b', 'C:evil', 'a//b'])(
    'refuses a repository with a file called %s',
    async (path) => {
      hub.files.set(path, { content: Buffer.from('x'), large: false })
      await expect(pullHere({ include: ['*'] })).rejects.toMatchObject({ code: 'unsafe-path' })
    },
  )

  it('uses the cache alone where it must stay offline', async () => {
    const offline = { settings: { ...settings, offline: true } }
    await expect(pullHere(offline)).rejects.toMatchObject({ code: 'hub-offline' })
    const { path } = await pullHere()
    hub.faults.status = 500
    expect((await pullHere(offline)).path).toBe(path)
    expect((await pullHere({ ...offline, revision: fakeCommit })).path).toBe(path)
  })
})

describe('names', () => {
  it('are told from paths', () => {
    expect(['a/b', 'gpt2', 'a.b/c-d_e', 'a/b@v1.0'].map(isHubId)).toEqual([true, true, true, true])
    expect(['', '/a/b', 'a/b/c', '../a', 'a/..', './a', 'a b/c', 'a/b--c', 'a/b.'].some(isHubId)).toBe(false)
    expect(parseHubReference('a/b@refs/pr/1')).toEqual({ model: 'a/b', revision: 'refs/pr/1' })
    expect(() => parseHubReference('a/b@../../x')).toThrow(expect.objectContaining({ code: 'unsafe-path' }))
    expect(() => parseHubReference('../b')).toThrow(expect.objectContaining({ code: 'bad-option' }))
  })

  it('of things on the disk mean those', async () => {
    expect(await locateCheckpoint(folder)).toBe(folder)
    await expect(locateCheckpoint('./absent.gguf')).rejects.toMatchObject({ code: 'file-not-found' })
    expect(await locateCheckpoint(model, { settings, retryDelay: 1 })).toMatch(fakeCommit)
  })
})

describe('the choice of files', () => {
  const file = (path: string) => ({ path, size: 1, hash: 'a'.repeat(40) })

  it('falls back to PyTorch and to a single GGUF, and asks where there are several', () => {
    expect(chooseFiles([file('config.json'), file('pytorch_model.bin'), file('x.h5')]).map(({ path }) => path)).toEqual(
      ['config.json', 'pytorch_model.bin'],
    )
    expect(chooseFiles([file('a.gguf'), file('b.txt')])).toHaveLength(2)
    const several = [file('a-Q4_0.gguf'), file('a-Q8_0.gguf')]
    expect(() => chooseFiles(several)).toThrow(expect.objectContaining({ code: 'ambiguous-checkpoint' }))
    expect(chooseFiles(several, ['*Q8_0.gguf'])).toEqual([several[1]])
    expect(() => chooseFiles([file('x.h5')])).toThrow(expect.objectContaining({ code: 'file-not-found' }))
    expect(() => chooseFiles(several, ['*.bin'])).toThrow(expect.objectContaining({ code: 'file-not-found' }))
  })
})

describe("the hub's variables", () => {
  it('say where the cache is, what the token is and whether to stay offline', async () => {
    await writeFile(join(folder, 'token'), 'saved\n')
    expect(await readHubSettings({ HF_HOME: folder, HF_ENDPOINT: 'http://mirror/', HF_HUB_OFFLINE: '1' })).toEqual({
      endpoint: 'http://mirror',
      cacheFolder: join(folder, 'hub'),
      token: 'saved',
      offline: true,
    })
    const given = await readHubSettings({ HF_HOME: folder, HF_HUB_CACHE: '/c', HF_TOKEN: 'given' })
    expect(given).toMatchObject({ cacheFolder: '/c', token: 'given', offline: false })
    expect((await readHubSettings({ XDG_CACHE_HOME: '/x' })).cacheFolder).toBe(join('/x', 'huggingface', 'hub'))
    await expect(readHubSettings({ HF_ENDPOINT: 'file:///x' })).rejects.toMatchObject({ code: 'bad-option' })
  })
})

describe('a full disk', () => {
  it('is called by its name', () => {
    const error = Object.assign(new Error('write'), { code: 'ENOSPC' })
    expect(fileFailure('/x', error)).toMatchObject({ code: 'disk-full', remedy: expect.stringContaining('space') })
  })
})
