import type { MiddlewareHandler } from 'hono'
import { R1Error } from '../../errors.ts'
import type { ServeEnv } from '../context.ts'

/** Names by which a machine calls itself. */
const own = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Refuses requests that were sent to another name: a web page whose name was made to point to this machine cannot talk to the
 * server (DNS rebinding).
 *
 * @param bound the address that the server listens on
 * @param allowed further names; `*` allows all
 */
export function hostGuard(bound: string, allowed: readonly string[]): MiddlewareHandler<ServeEnv> {
  // Whoever opens the server to the network is called by names that it cannot know; keys guard it there.
  const isOpen = allowed.includes('*') || bound === '0.0.0.0' || bound === '::'
  const names = new Set([...own, bound.toLowerCase(), ...allowed.map((name) => name.toLowerCase())])
  return async ({ req }, next) => {
    const host = req.header('host') ?? ''
    if (!isWellFormed(host)) throw new R1Error('bad-host', 'The Host header is no name of a server.')
    if (!isOpen && !names.has(hostname(host))) {
      throw new R1Error('bad-host', `This server is not called ${JSON.stringify(hostname(host).slice(0, 100))}.`, {
        remedy: 'Name it in allowedHosts if it is.',
      })
    }
    await next()
  }
}

const isWellFormed = (host: string): boolean =>
  host.length <= 260 && /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/.test(host)

const hostname = (host: string): string => host.replace(/:\d+$/, '').toLowerCase()

/** Answers browsers of other web sites: of those named only, of none by default. */
export function corsGuard(origins: readonly string[]): MiddlewareHandler<ServeEnv> {
  const known = new Set(origins)
  return async (context, next) => {
    const { req } = context
    const origin = req.header('origin')
    const isForeign = origin !== undefined && !isSameOrigin(origin, req.header('host') ?? '')
    const isAllowed = origin !== undefined && (known.has(origin) || known.has('*'))
    if (isForeign && !isAllowed) {
      throw new R1Error('forbidden', 'Pages of other origins may not call this server.', {
        remedy: 'Name the origin in corsOrigins.',
      })
    }
    if (isForeign && req.method === 'OPTIONS') {
      return new Response(null, {
        status: 204,
        headers: {
          'access-control-allow-origin': origin,
          'access-control-allow-methods': 'GET, POST, PATCH, DELETE',
          'access-control-allow-headers': 'authorization, content-type',
          'access-control-max-age': '600',
          vary: 'origin',
        },
      })
    }
    await next()
    if (isForeign) {
      context.res.headers.set('access-control-allow-origin', origin)
      context.res.headers.append('vary', 'origin')
    }
    return undefined
  }
}

function isSameOrigin(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`
}

/** Headers of every answer. */
export const plainHeaders: MiddlewareHandler<ServeEnv> = async (context, next) => {
  await next()
  context.res.headers.set('x-content-type-options', 'nosniff')
  context.res.headers.set('referrer-policy', 'no-referrer')
  context.res.headers.set('x-frame-options', 'DENY')
}
