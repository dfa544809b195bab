import type { MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import type { ServeContext, ServeEnv } from '../context.ts'

/** Paths that are asked for all the time and say nothing. */
const quiet = new Set(['/health', '/ready', '/metrics'])

/**
 * Gives each request its number and its time of arrival, and writes it into the log: who asked for what and how it was
 * answered. What was said is written only where the configuration wants it; keys never are.
 */
export function requestLog({ log, metrics, config }: ServeContext): MiddlewareHandler<ServeEnv> {
  return async (c, next) => {
    const arrivedAt = performance.now()
    const requestId = crypto.randomUUID()
    c.set('requestId', requestId)
    c.set('arrivedAt', arrivedAt)
    await next()
    const { status } = c.res
    const route = routePath(c, -1)
    metrics.answered(route, status)
    c.res.headers.set('x-request-id', requestId)
    if (quiet.has(c.req.path) && status < 400) return
    const line = {
      requestId,
      method: c.req.method,
      path: c.req.path.slice(0, 200),
      status,
      milliseconds: Math.round(10 * (performance.now() - arrivedAt)) / 10,
      ...(c.var.caller && { user: c.var.caller.user, key: c.var.caller.key }),
      ...(config.logPrompts && c.req.method === 'POST' && { body: await c.req.text().catch(() => undefined) }),
    }
    if (status >= 500) log.warn(line, 'answered')
    else log.info(line, 'answered')
  }
}
