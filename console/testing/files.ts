import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { extname, join, normalize } from 'node:path'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain',
}

/** The strictest policy the console lives with: files of the same server, nothing inline, no other address. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

interface BuiltFile {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body?: Buffer
}

/** A file of the built console, as a server sends it. */
export async function readBuilt(folder: string, path: string): Promise<BuiltFile> {
  const name = path === '/' ? 'index.html' : normalize(path)
  const body = await readFile(join(folder, name)).catch(() => undefined)
  const headers = {
    'content-type': types[extname(name)] ?? 'application/octet-stream',
    'content-security-policy': policy,
  }
  return body ? { status: 200, headers, body } : { status: 404, headers }
}

/** Serves a file of the built console. */
export async function serveFile(folder: string, path: string, response: ServerResponse): Promise<void> {
  const { status, headers, body } = await readBuilt(folder, path)
  response.writeHead(status, headers)
  response.end(body)
}
