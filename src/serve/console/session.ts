import { createRoute, z } from '@hono/zod-openapi'
import type { ServeApp, ServeContext } from '../context.ts'
import { json } from './route.ts'

const session = createRoute({
  method: 'get',
  path: '/api/session',
  summary: 'Who asks, and what there is',
  tags: ['Console'],
  responses: json(
    z.object({
      user: z.string(),
      admin: z.boolean(),
      keysRequired: z.boolean(),
      version: z.string(),
      defaultModel: z.string(),
      models: z.array(z.object({ id: z.string(), loaded: z.boolean() })),
    }),
    'The session.',
  ),
})

/** `/api/session`. */
export function sessionRoutes(app: ServeApp, { auth, pool, version }: ServeContext): void {
  app.openapi(session, async (c) => {
    const { user, admin } = c.var.caller
    const models = pool.list().map(({ id, state }) => ({ id, loaded: state === 'ready' }))
    const keysRequired = await auth.isRequired()
    return c.json({ user, admin, keysRequired, version, defaultModel: pool.defaultModel, models }, 200)
  })
}
