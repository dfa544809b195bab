import type { MiddlewareHandler } from 'hono'
import type { ServeContext, ServeEnv } from '../context.ts'

/** What anybody may ask: whether the server lives. */
const open = new Set(['/health', '/ready'])

/** Finds out who asks, and whether they may ask so often. */
export function accessGuard({ auth, limits, config }: ServeContext): MiddlewareHandler<ServeEnv> {
  return async (c, next) => {
    if (open.has(c.req.path)) return await next()
    const { caller, key } = await auth.identify(c.req.header('authorization'))
    c.set('caller', caller)
    c.set('key', key)
    if (key && c.req.path.startsWith('/v1/') && c.req.method === 'POST') {
      limits.enter(key.id, {
        requestsPerMinute: key.requestsPerMinute ?? config.requestsPerMinute,
        tokensPerMinute: key.tokensPerMinute ?? config.tokensPerMinute,
      })
    }
    await next()
  }
}
