import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join, sep } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { MiddlewareHandler } from 'hono'
import type { ServeEnv } from '../context.ts'

interface ConsoleFile {
  readonly plain: Uint8Array<ArrayBuffer>
  readonly packed: Uint8Array<ArrayBuffer>
  readonly headers: Readonly<Record<string, string>>
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
}

/** The console talks to this server and nobody else, and runs no script but its own. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
  "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Reads the built console, which is small, into memory: what is not in the list cannot be asked for. */
function readFiles(folder: string): ReadonlyMap<string, ConsoleFile> {
  const files = new Map<string, ConsoleFile>()
  let names: string[]
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  } catch {
    return files
  }
  for (const name of names) {
    const type = types[extname(name)]
    if (type === undefined) continue
    const plain = new Uint8Array(readFileSync(join(folder, name)))
    const path = `/${name.split(sep).join('/')}`
    // Names under assets/ hold a hash of their contents.
    const caching = path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'
    const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`
    const headers = { 'content-type': type, 'cache-control': caching, etag, 'content-security-policy': policy }
    files.set(path, { plain, packed: new Uint8Array(gzipSync(plain)), headers })
  }
  const index = files.get('/index.html')
  if (index) files.set('/', index)
  return files
}

/**
 * The built console at `/`. It is open to all, since it asks for the key itself and holds nothing of anybody.
 *
 * @param folder where it was built; without it there is none
 */
export function consoleFiles(folder: string): MiddlewareHandler<ServeEnv> {
  let files: ReadonlyMap<string, ConsoleFile> | undefined
  return async ({ req }, next) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') return await next()
    // Read at the first look, not while the server starts.
    files ??= readFiles(folder)
    const file = files.get(req.path)
    if (!file) return await next()
    if (req.header('if-none-match') === file.headers.etag) {
      return new Response(null, { status: 304, headers: file.headers })
    }
    const takesGzip = /\bgzip\b/.test(req.header('accept-encoding') ?? '')
    const headers = { ...file.headers, vary: 'accept-encoding', ...(takesGzip && { 'content-encoding': 'gzip' }) }
    return new Response(req.method === 'HEAD' ? null : takesGzip ? file.packed : file.plain, { headers })
  }
}
