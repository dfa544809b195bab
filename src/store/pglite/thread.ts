import type { MessagePort } from 'node:worker_threads'
import type { PGlite } from '@electric-sql/pglite'

/** A statement for the thread, or the end of its work. */
export type ThreadRequest =
  | { readonly id: number; readonly statement: string; readonly values: readonly unknown[] }
  | { readonly id: number; readonly close: true }

export type ThreadReply =
  | { readonly id: number; readonly rows: readonly (readonly unknown[])[] }
  | { readonly id: number; readonly error: { code?: string; message: string; constraint?: string } }

/** What the thread is started with. */
export interface ThreadData {
  /** File of the library. */
  readonly library: string
  /** Folder of the database; it is made where it is missing. */
  readonly folder: string
  /** An archive of a new database, to begin with: a tar file, compressed with Brotli. */
  readonly template?: string | undefined
}

/** Id of the reply that the database is open, or why not. */
export const opened = 0

/**
 * The body of the thread that PGlite runs in: PostgreSQL as WebAssembly blocks the thread that calls it, and the server's
 * streams must not wait for a search. Its source text is what the thread runs, so it uses nothing but its arguments, the
 * language's own globals and what it imports itself.
 */
export function storeThread(port: MessagePort, load: (name: string) => unknown, data: ThreadData): void {
  const { PGlite: Database } = load(data.library) as { PGlite: typeof PGlite }
  const { readFileSync } = load('node:fs') as typeof import('node:fs')
  const { brotliDecompressSync } = load('node:zlib') as typeof import('node:zlib')
  // Times and JSON go through as text: both drivers then give the same.
  const asText = (value: string) => value
  const textTypes = { 114: asText, 1114: asText, 1184: asText, 3802: asText }
  const options = { rowMode: 'array', parsers: textTypes, serializers: textTypes } as const

  const failure = (error: unknown) => {
    const { code, message, constraint } = error as { code?: string; message?: string; constraint?: string }
    return {
      message: message ?? String(error),
      ...(typeof code === 'string' && { code }),
      ...(constraint && { constraint }),
    }
  }
  const database = new Database({
    dataDir: data.folder,
    relaxedDurability: false,
    ...(data.template !== undefined && { loadDataDir: new Blob([brotliDecompressSync(readFileSync(data.template))]) }),
    // Segments of 1 MB instead of 16: a small database stays small and begins sooner.
    initDbStartParams: ['--wal-segsize=1'],
    // 128 MB of buffers, the default, would be the largest part of a small server.
    startParams: [...Database.defaultStartParams, '-c', 'shared_buffers=8MB', '-c', 'wal_buffers=1MB'],
  })
  database.waitReady.then(
    () => port.postMessage({ id: 0, rows: [] }),
    (error: unknown) => port.postMessage({ id: 0, error: failure(error) }),
  )
  port.on('message', async (request: ThreadRequest) => {
    try {
      if ('close' in request) await database.close()
      const rows = 'close' in request ? [] : await database.query(request.statement, [...request.values], options)
      port.postMessage({ id: request.id, rows: 'rows' in rows ? rows.rows : rows })
    } catch (error) {
      port.postMessage({ id: request.id, error: failure(error) })
    }
  })
}
