import { cpus, totalmem } from 'node:os'
import { createRoute, z } from '@hono/zod-openapi'
import type { ServeApp, ServeContext } from '../context.ts'
import { eventStream } from '../http/sse.ts'
import { events, json } from './route.ts'

const tags = ['Console']
const count = z.number()

const systemSchema = z
  .object({
    version: z.string(),
    uptimeSeconds: count,
    node: z.string(),
    cpu: z.object({ model: z.string(), cores: z.int(), path: z.string().nullable() }),
    device: z.string(),
    memory: z.object({ rss: count, total: count }),
    models: z.array(
      z.object({
        id: z.string(),
        state: z.string(),
        family: z.string().nullable(),
        parameters: count.nullable(),
        weightBytes: count.nullable(),
        cacheBytes: count.nullable(),
        precision: z.string().nullable(),
        slots: count.nullable(),
        context: count.nullable(),
      }),
    ),
    engine: z.object({ running: count, waiting: count, kvUse: count, prefixHits: count, prefixQueries: count }),
  })
  .openapi('System')

const system = createRoute({
  method: 'get',
  path: '/api/system',
  summary: 'The machine, the models and what they do',
  tags,
  responses: json(systemSchema, 'As it is now.'),
})

const ticks = createRoute({
  method: 'get',
  path: '/api/system/events',
  summary: 'What the server does, once a second',
  tags,
  responses: events(
    '`{ time, running, waiting, promptTokensPerSecond, generationTokensPerSecond, ttftP50, tpotP50, rss, kvUse }`',
  ),
})

/** What the engines of all models do together; the fullest cache counts. */
function engineOf({ pool }: ServeContext) {
  const all = pool.list().flatMap(({ statistics }) => (statistics ? [statistics] : []))
  const sum = (value: (statistics: (typeof all)[number]) => number) => all.reduce((total, one) => total + value(one), 0)
  return {
    running: sum(({ running }) => running),
    waiting: sum(({ waiting }) => waiting),
    kvUse: Math.max(0, ...all.map(({ cacheUse }) => cacheUse)),
    prefixHits: sum(({ prefixHits }) => prefixHits),
    prefixQueries: sum(({ prefixQueries }) => prefixQueries),
    promptTokens: sum(({ promptTokens }) => promptTokens),
    newTokens: sum(({ newTokens }) => newTokens),
  }
}

/** The kernels' instruction set. What finds it out is loaded by the first who asks, not by the start of a server. */
async function kernelPath(): Promise<string | undefined> {
  const { kernelLibrary } = await import('../../runtime/kernels.ts')
  return kernelLibrary().instructions
}

async function systemOf(context: ServeContext): Promise<z.output<typeof systemSchema>> {
  const processors = cpus()
  const { promptTokens: _prompt, newTokens: _new, ...engine } = engineOf(context)
  return {
    version: context.version,
    uptimeSeconds: Math.round((performance.now() - context.startedAt) / 1000),
    node: process.version,
    cpu: {
      model: processors[0]?.model.trim() ?? 'unknown',
      cores: processors.length,
      path: (await kernelPath()) ?? null,
    },
    device: 'cpu',
    memory: { rss: process.memoryUsage.rss(), total: totalmem() },
    models: context.pool.list().map(({ id, state, facts }) => ({
      id,
      state,
      family: facts?.family ?? null,
      parameters: facts?.parameters ?? null,
      weightBytes: facts?.weightBytes ?? null,
      cacheBytes: facts?.cacheBytes ?? null,
      precision: facts?.precision ?? null,
      slots: facts?.slots ?? null,
      context: facts?.context ?? null,
    })),
    engine,
  }
}

/** Waits, unless it is told to stop. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, milliseconds)
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
}

/** A line each second; rates are over the second before it. */
async function* tickTexts(context: ServeContext, signal: AbortSignal): AsyncGenerator<string, void, void> {
  let before = { ...engineOf(context), at: performance.now() }
  while (!signal.aborted && !context.admission.isClosed) {
    await pause(1000, signal)
    const now = { ...engineOf(context), at: performance.now() }
    const seconds = (now.at - before.at) / 1000
    const { ttftP50, tpotP50 } = context.metrics.recent
    // A model that was unloaded takes its counts along.
    const rate = (value: number, last: number) => Math.max(0, value - last) / seconds
    yield JSON.stringify({
      time: Date.now(),
      running: now.running,
      waiting: now.waiting,
      promptTokensPerSecond: rate(now.promptTokens, before.promptTokens),
      generationTokensPerSecond: rate(now.newTokens, before.newTokens),
      ttftP50: ttftP50 ?? null,
      tpotP50: tpotP50 ?? null,
      rss: process.memoryUsage.rss(),
      kvUse: now.kvUse,
    })
    before = now
  }
}

/** `/api/system` and its events. */
export function systemRoutes(app: ServeApp, context: ServeContext): void {
  app.openapi(system, async (c) => c.json(await systemOf(context), 200))
  app.openapi(ticks, (c) => watch(context, c.req.raw.signal, (signal) => tickTexts(context, signal)))
}

/** An endless stream that ends when the client goes, or the server. */
export function watch(
  { config }: ServeContext,
  gone: AbortSignal,
  source: (signal: AbortSignal) => AsyncGenerator<string, void, void>,
): Response {
  const controller = new AbortController()
  const stop = () => controller.abort()
  gone.addEventListener('abort', stop, { once: true })
  return eventStream(source(controller.signal), stop, {
    keepAliveMs: config.keepAliveSeconds * 1000,
    stallMs: config.stallSeconds * 1000,
    onEnd: () => gone.removeEventListener('abort', stop),
    onError: () => JSON.stringify({ type: 'error', error: { message: 'The stream broke off.' } }),
  })
}

export { pause }
