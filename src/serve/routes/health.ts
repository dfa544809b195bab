import { createRoute, z } from '@hono/zod-openapi'
import type { ServeApp, ServeContext } from '../context.ts'

const state = z.object({ status: z.string() }).openapi('State')
const answer = (description: string) => ({ description, content: { 'application/json': { schema: state } } })

const health = createRoute({
  method: 'get',
  path: '/health',
  summary: 'Whether the process lives',
  tags: ['Operation'],
  responses: { 200: answer('It does.') },
})

const ready = createRoute({
  method: 'get',
  path: '/ready',
  summary: 'Whether requests are let in',
  tags: ['Operation'],
  responses: { 200: answer('They are.'), 503: answer('The default model is loading, or the server is shutting down.') },
})

/** `/health`, `/ready` and `/metrics`. */
export function healthRoutes(app: ServeApp, { pool, admission, metrics, config }: ServeContext): void {
  app.openapi(health, (c) => c.json({ status: 'ok' }, 200))
  app.openapi(ready, (c) => {
    if (admission.isClosed) return c.json({ status: 'draining' }, 503)
    const first = pool.list()[0]
    const isReady = first?.state === 'ready' || (!config.preload && first?.state === 'unloaded')
    return isReady ? c.json({ status: 'ready' }, 200) : c.json({ status: first?.state ?? 'unloaded' }, 503)
  })
  app.get('/metrics', async (c) => c.text(await metrics.text(), 200, { 'content-type': metrics.registry.contentType }))
}
