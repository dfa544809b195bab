import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { R1Error } from '../errors.ts'
import type { Store } from '../store/index.ts'
import { Authenticator } from './access/authenticator.ts'
import { RateLimits } from './access/rate-limits.ts'
import { UsageWriter } from './access/usage-writer.ts'
import { createApp } from './app.ts'
import type { ServeConfig } from './config/schema.ts'
import type { ServeApp, ServeContext } from './context.ts'
import { Admission } from './http/admission.ts'
import { ModelPool, type ModelSource } from './models/pool.ts'
import { createLog } from './observe/log.ts'
import { Metrics } from './observe/metrics.ts'
import { packageVersion } from './observe/version.ts'

/** What a server is made of. */
export interface ServerParts {
  readonly config: ServeConfig
  readonly store: Store
  /** At least one model; the first is the default. */
  readonly models: readonly ModelSource[]
}

/** A server that runs. */
export interface RunningServer extends AsyncDisposable {
  /** Such as `http://127.0.0.1:8000`. */
  readonly address: string
  readonly context: ServeContext
  readonly app: ServeApp
  /**
   * Lets nobody in any more, finishes what is under way within the limit, then frees everything. The store is closed last.
   *
   * @returns whether everything was finished in time
   */
  drain(): Promise<boolean>
}

/** Makes the context of a server from its parts. */
export function createContext({ config, store, models }: ServerParts): ServeContext {
  const log = createLog(config)
  const admission = new Admission({ requests: config.mostRequests, tokens: config.mostQueuedTokens })
  const pool = new ModelPool(models, {
    mostLoaded: config.mostLoaded,
    idleMs: config.idleMinutes * 60_000,
    onEvent: (event, model, detail) => {
      if (event === 'failed') log.error({ model, err: detail }, 'a model could not be loaded')
      else log.info({ model, ...(typeof detail === 'object' ? detail : {}) }, event)
    },
  })
  return {
    config,
    store,
    pool,
    admission,
    auth: new Authenticator(store.keys, config),
    limits: new RateLimits(),
    usage: new UsageWriter(store.usage, (error) => log.warn({ err: error }, 'usage could not be stored')),
    log,
    metrics: new Metrics(
      () => pool.list(),
      () => admission.inside,
    ),
    version: packageVersion(),
    startedAt: performance.now(),
  }
}

/**
 * Starts a server. The default model is loaded meanwhile; `/ready` tells when it is there.
 *
 * @throws R1Error `port-taken`, `bad-config`
 */
export async function startServer(parts: ServerParts): Promise<RunningServer> {
  const context = createContext(parts)
  const { config, pool, log, store } = context
  const app = createApp(context)
  const server = await listen(app, config)
  const address = addressOf(server, config.host)
  const token = await store.announce(address)
  if (token !== undefined) context.auth.trust(token)
  if (config.preload)
    pool.acquire().then(
      (lease) => lease[Symbol.dispose](),
      () => undefined,
    )
  const ending = once(() => end(server, context))
  log.info({ address }, 'listening')
  return { address, context, app, drain: ending, [Symbol.asyncDispose]: async () => void (await ending()) }
}

async function listen(app: ServeApp, config: ServeConfig): Promise<Server> {
  return await new Promise((resolve, reject) => {
    const server = serve(
      {
        fetch: app.fetch,
        hostname: config.host,
        port: config.port,
        serverOptions: {
          maxHeaderSize: config.headerBytes,
          headersTimeout: config.headerSeconds * 1000,
          requestTimeout: config.bodySeconds * 1000,
          connectionsCheckingInterval: Math.min(1000, config.headerSeconds * 250),
          keepAliveTimeout: 5000,
        },
      },
      () => resolve(server),
    ) as Server
    server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(cause, config)))
  })
}

function listenError(cause: NodeJS.ErrnoException, { host, port }: ServeConfig): R1Error {
  if (cause.code === 'EADDRINUSE') {
    return new R1Error('port-taken', `Something else listens at ${host}:${port} already.`, {
      remedy: 'Choose another port with --port, or 0 for any that is free.',
      cause,
    })
  }
  return new R1Error('bad-config', `The server cannot listen at ${host}:${port} (${cause.code}).`, {
    remedy: 'Check host and port.',
    cause,
  })
}

function addressOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${port}`
}

async function end(server: Server, { admission, pool, usage, store, config, log }: ServeContext): Promise<boolean> {
  admission.close()
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const finished = await Promise.race([admission.empty().then(() => true), after(config.drainSeconds * 1000)])
  log.info({ finished }, 'shutting down')
  // What is not finished by now is told so: its engine closes, its stream ends with an error.
  await pool.close()
  await usage.close()
  server.closeIdleConnections()
  await Promise.race([closed, after(finished ? 1000 : 0)])
  server.closeAllConnections()
  await store.close()
  return finished
}

async function after(milliseconds: number): Promise<false> {
  return await new Promise((resolve) => setTimeout(() => resolve(false), milliseconds).unref())
}

function once<Value>(work: () => Promise<Value>): () => Promise<Value> {
  let result: Promise<Value> | undefined
  return () => {
    result ??= work()
    return result
  }
}
