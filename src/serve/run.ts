import { defaultModel, shippedModel } from '../checkpoint/shipped.ts'
import { R1Error } from '../errors.ts'
import { openStore } from '../store/open.ts'
import { describeConfig, type ResolvedConfig } from './config/load-config.ts'
import type { ModelSource } from './models/pool.ts'
import { modelSources } from './models/sources.ts'
import type { RunningServer } from './server.ts'

/** Tells the reader how far the server is: a line for people, and the same for programs. */
export type Announce = (line: string, facts: Readonly<Record<string, unknown>>) => void

/**
 * Runs a server until the process is told to end (SIGTERM, Ctrl+C): what is under way then is finished. A second Ctrl+C ends
 * it at once. SIGHUP loads all models anew.
 *
 * @throws R1Error `port-taken`, `no-shipped-model`, `store-locked`, and what loading the default model throws
 */
export async function runServer(resolved: ResolvedConfig, announce: Announce): Promise<void> {
  const { config } = resolved
  const models = modelSources(config, shippedPath)
  const set = Object.entries(describeConfig(resolved)).filter(([, { from }]) => from !== 'default')
  const settings = Object.fromEntries(set.map(([key, { value }]) => [key, value]))
  announce(
    set.length === 0
      ? 'All settings are as they come; --print-config shows them.'
      : `Set: ${set.map(([key, { value, from }]) => `${key} ${String(value)} (${from})`).join(', ')}`,
    { event: 'config', settings },
  )
  // The model is loaded in another process and the database opened in another thread, while this one loads the server.
  const early = config.preload ? loadEarly(models) : undefined
  const [store, { startServer }] = await Promise.all([openStore({ data: config.data }), loadServer()]).catch(
    async (error: unknown) => {
      await early?.giveUp()
      throw error
    },
  )
  const server = await startServer({ config, store, models: early?.models ?? models }).catch(async (error: unknown) => {
    await Promise.all([store.close(), early?.giveUp()])
    throw error
  })
  const { address, context } = server
  announce(`Listening at ${address}`, { event: 'listening', address })
  const stopped = untilStopped(server)
  try {
    if (config.preload) {
      using lease = await context.pool.acquire()
      const { id, facts } = lease.served
      announce(`Ready: ${id}, ${facts.parameters} parameters, ${facts.slots} slots of ${facts.context} tokens`, {
        event: 'ready',
        model: id,
        milliseconds: Math.round(process.uptime() * 1000),
      })
    }
  } catch (error) {
    await server.drain()
    throw error
  }
  await stopped
}

const loadServer = () => import('./server.ts')

/** Begins to load the default model; whoever asks for it first gets that loading. */
function loadEarly([first, ...others]: readonly ModelSource[]) {
  const { id, load } = first as ModelSource
  const controller = new AbortController()
  const loading = load(controller.signal)
  // Told to whoever asks for it.
  loading.catch(() => undefined)
  let isTaken = false
  const source: ModelSource = {
    id,
    load(signal) {
      if (isTaken) return load(signal)
      isTaken = true
      signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true })
      return loading
    },
  }
  return {
    models: [source, ...others],
    async giveUp() {
      controller.abort()
      await loading.then((served) => served.close()).catch(() => undefined)
    },
  }
}

function shippedPath(): string {
  const name = defaultModel()
  const path = name === undefined ? undefined : shippedModel(name)
  if (path !== undefined) return path
  throw new R1Error('no-shipped-model', 'This package ships no model.', {
    remedy: 'Give one with --model: a folder, a .gguf file or a model on the hub.',
  })
}

/** Waits for a signal that ends the server, and ends it. */
async function untilStopped(server: RunningServer): Promise<void> {
  const { pool, log } = server.context
  let isReloading = false
  const reload = async () => {
    // Another signal while models are being loaded asks for what is under way already.
    if (isReloading) return
    isReloading = true
    const ready = pool.list().filter(({ state }) => state === 'ready')
    await Promise.allSettled(ready.map(({ id }) => pool.reload(id)))
    isReloading = false
    log.info('models were loaded anew')
  }
  process.on('SIGHUP', reload)
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  const now = () => process.exit(130)
  process.once('SIGINT', now)
  const finished = await server.drain()
  process.off('SIGINT', now)
  process.off('SIGHUP', reload)
  if (!finished) process.exitCode = 1
}
