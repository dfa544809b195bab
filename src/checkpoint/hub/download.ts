import { createReadStream } from 'node:fs'
import { type FileHandle, open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { R1Error } from '../../errors.ts'
import { fileFailure } from '../failure.ts'
import { hubAnswerFailure, hubFailure } from './failure.ts'
import { contentHash } from './hash.ts'
import { type HubFile, hubFetch } from './listing.ts'
import type { HubSettings } from './settings.ts'

/** What one download needs to know. */
export interface DownloadRequest {
  readonly model: string
  readonly commit: string
  readonly file: HubFile
  /** Where the whole, checked content goes. */
  readonly target: string
  readonly settings: HubSettings
  readonly signal?: AbortSignal | undefined
  /** Called with the number of bytes that arrived since the last call; negative where they had to be thrown away. */
  readonly onBytes?: ((count: number) => void) | undefined
  /** Milliseconds before the first new attempt; doubled for each further one. */
  readonly retryDelay?: number | undefined
}

/** Attempts without a single new byte before giving up. */
const attemptLimit = 5

/** A connection that sends nothing for this long is given up, in milliseconds. */
const silenceLimit = 30_000

function isPassing(error: unknown): boolean {
  return ['hub-unreachable', 'hub-unavailable', 'hub-busy'].some((code) => R1Error.isInstance(error, code))
}

const sizeOf = (path: string) =>
  stat(path).then(
    (status) => status.size,
    () => 0,
  )

function resolveUrl({ model, commit, file, settings }: DownloadRequest): string {
  const path = file.path.split('/').map(encodeURIComponent).join('/')
  return `${settings.endpoint}/${model}/resolve/${commit}/${path}`
}

/** Asks for the part of the file from `start` on. */
async function ask(request: DownloadRequest, start: number, signal: AbortSignal): Promise<Response> {
  const what = `${request.model}/${request.file.path}`
  const headers = { 'Accept-Encoding': 'identity', ...(start > 0 && { Range: `bytes=${start}-` }) }
  const response = await hubFetch(request.settings, signal)(resolveUrl(request), { headers }).catch(
    (error: unknown) => {
      throw hubFailure(error, what)
    },
  )
  if (response.ok || response.status === 416) return response
  await response.body?.cancel()
  throw hubAnswerFailure(response.status, what)
}

/** Writes what a response brings behind the first `start` bytes. */
async function receive(
  request: DownloadRequest,
  response: Response,
  handle: FileHandle,
  start: number,
  alive: () => void,
) {
  const { file, onBytes } = request
  let position = start
  for await (const chunk of response.body ?? []) {
    alive()
    if (position + chunk.byteLength > file.size) {
      throw new R1Error('hub-unavailable', `The hub sends more of ${file.path} than the ${file.size} bytes it has.`, {
        remedy: 'Try again later.',
      })
    }
    await handle.write(chunk, 0, chunk.byteLength, position).catch((error: unknown) => {
      throw fileFailure(request.target, error)
    })
    position += chunk.byteLength
    onBytes?.(chunk.byteLength)
  }
}

/** One connection: goes on behind what an earlier one left in `partial`. */
async function attempt(request: DownloadRequest, partial: string): Promise<void> {
  const silence = new AbortController()
  const signal = request.signal ? AbortSignal.any([request.signal, silence.signal]) : silence.signal
  let timer = setTimeout(() => silence.abort(), silenceLimit)
  const alive = () => {
    clearTimeout(timer)
    timer = setTimeout(() => silence.abort(), silenceLimit)
  }
  const handle = await open(partial, 'a').then(async (created) => {
    await created.close()
    return open(partial, 'r+')
  })
  try {
    const kept = (await handle.stat()).size
    const response = await ask(request, kept, signal)
    const resumes =
      response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${kept}-`) === true
    if (!resumes && kept > 0) {
      await handle.truncate(0)
      request.onBytes?.(-kept)
    }
    if (response.status !== 416) await receive(request, response, handle, resumes ? kept : 0, alive)
    await handle.sync()
  } catch (error) {
    request.signal?.throwIfAborted()
    throw hubFailure(fileFailure(partial, error), `${request.model}/${request.file.path}`)
  } finally {
    clearTimeout(timer)
    await handle.close()
  }
}

async function matchesHash(file: HubFile, path: string): Promise<boolean> {
  const hash = contentHash(file)
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer)
  return hash.digest('hex') === file.hash
}

/** Attempts until the file has its size, as long as each attempt, or one of a few, brings something new. */
async function fill(request: DownloadRequest, partial: string): Promise<void> {
  let failures = 0
  for (let size = await sizeOf(partial); size < request.file.size; ) {
    const failure = await attempt(request, partial).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (failure !== undefined && !isPassing(failure)) throw failure
    const now = await sizeOf(partial)
    if (now >= request.file.size) return
    failures = now > size ? 1 : failures + 1
    size = now
    if (failures >= attemptLimit) {
      throw (
        failure ??
        new R1Error('hub-unavailable', `The hub stops sending ${request.file.path}.`, { remedy: 'Try again.' })
      )
    }
    await wait((request.retryDelay ?? 500) * 2 ** (failures - 1), undefined, { signal: request.signal })
  }
}

/**
 * Brings one file, going on where an earlier download of it was cut, and checks its hash before it gets its name.
 *
 * @throws R1Error 'hub-…', 'hash-mismatch', 'disk-full'
 */
export async function download(request: DownloadRequest): Promise<void> {
  const { file, target } = request
  const partial = `${target}.incomplete`
  for (const last of [false, true]) {
    const kept = await sizeOf(partial)
    if (kept > file.size) await rm(partial, { force: true })
    else request.onBytes?.(kept)
    if (file.size === 0) await writeFile(partial, '')
    await fill(request, partial)
    if (await matchesHash(file, partial)) {
      await rename(partial, target)
      return
    }
    await rm(partial, { force: true })
    request.onBytes?.(-file.size)
    if (last) break
  }
  throw new R1Error('hash-mismatch', `${file.path} does not arrive as the hub describes it.`, {
    remedy: 'Try again; if it happens once more, something between here and the hub changes files.',
  })
}
