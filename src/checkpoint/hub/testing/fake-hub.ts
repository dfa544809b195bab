import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A file of the pretended model. */
export interface FakeFile {
  readonly content: Buffer
  /** Large files are known by SHA-256, small ones by git's SHA-1. */
  readonly large: boolean
}

/** What the server does wrong, for tests of what a client makes of it. */
export interface FakeFaults {
  /** Connections that are cut after this many bytes of a file, one entry a request; then all goes well. */
  cuts: number[]
  /** Answers every request with this status. */
  status?: number
  /** Requires this token. */
  token?: string
  /** Changes the first byte of what it sends. */
  corrupt?: boolean
  /** Sends whole files whatever range is asked for. */
  ignoreRanges?: boolean
  /** Redirects large files to another address, as the hub does. */
  redirect?: string
}

/** A server on this machine that speaks as much of the hub's protocol as a pull needs. */
export interface FakeHub extends AsyncDisposable {
  readonly endpoint: string
  readonly files: Map<string, FakeFile>
  readonly faults: FakeFaults
  /** Ranges that were asked for, by path; "all" for whole files. */
  readonly requests: string[]
  /** Authorization headers that arrived, by path. */
  readonly authorizations: string[]
}

export const fakeCommit = '1234567890abcdef1234567890abcdef12345678'

function gitHash(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
}

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex')

function describeFile([path, { content, large }]: [string, FakeFile]) {
  const size = content.length
  const oid = gitHash(content)
  return { type: 'file', path, size, oid, ...(large && { lfs: { oid: sha256(content), size, pointerSize: 134 } }) }
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

function sendFile(
  hub: FakeHub,
  path: string,
  file: FakeFile,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const range = hub.faults.ignoreRanges ? undefined : /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]
  hub.requests.push(`${path} ${range ?? 'all'}`)
  const start = Number(range ?? 0)
  const etag = `"${file.large ? sha256(file.content) : gitHash(file.content)}"`
  if (start >= file.content.length && start > 0) {
    response.writeHead(416).end()
    return
  }
  const content = Buffer.from(file.content.subarray(start))
  if (hub.faults.corrupt && start === 0) content[0] = (content[0] ?? 0) ^ 1
  response.writeHead(range === undefined ? 200 : 206, {
    'content-length': content.length,
    etag,
    'x-linked-etag': etag,
    ...(range !== undefined && { 'content-range': `bytes ${start}-${file.content.length - 1}/${file.content.length}` }),
  })
  const cut = hub.faults.cuts.shift()
  if (cut === undefined) response.end(content)
  else response.write(content.subarray(0, cut), () => setTimeout(() => response.destroy(), 5))
}

function answer(hub: FakeHub, model: string, request: IncomingMessage, response: ServerResponse): void {
  const { faults, files } = hub
  const path = decodeURIComponent(new URL(request.url ?? '/', hub.endpoint).pathname)
  hub.authorizations.push(`${path} ${request.headers.authorization ?? 'none'}`)
  const refused = faults.token !== undefined && request.headers.authorization !== `Bearer ${faults.token}`
  const status = faults.status ?? (refused ? 401 : undefined)
  const resolved = /^\/(?<name>.+)\/resolve\/[0-9a-f]{40}\/(?<file>.+)$/.exec(path)?.groups
  const file = resolved?.name === model ? files.get(resolved.file ?? '') : undefined
  if (status !== undefined) sendJson(response, status, { error: 'no' })
  else if (path.startsWith(`/api/models/${model}/revision/`))
    sendJson(response, 200, { id: model, _id: '1', sha: fakeCommit })
  else if (path === `/api/models/${model}/tree/${fakeCommit}`) sendJson(response, 200, [...files].map(describeFile))
  else if (!file) sendJson(response, 404, { error: 'absent' })
  else if (faults.redirect !== undefined && file.large) {
    response.writeHead(302, { location: `${faults.redirect}${request.url}` }).end()
  } else sendFile(hub, resolved?.file ?? '', file, request, response)
}

/** Starts a server that pretends to be a hub with one model. */
export async function startFakeHub(model: string, files: Readonly<Record<string, FakeFile>>): Promise<FakeHub> {
  const server = createServer((request, response) => answer(hub, model, request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const hub: FakeHub = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files: new Map(Object.entries(files)),
    faults: { cuts: [] },
    requests: [],
    authorizations: [],
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return hub
}
