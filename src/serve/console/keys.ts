import { createRoute, z } from '@hono/zod-openapi'
import { R1Error } from '../../errors.ts'
import type { ApiKey } from '../../store/index.ts'
import type { ServeApp, ServeContext } from '../context.ts'
import { whole } from '../routes/fields.ts'
import { body, json, requireAdmin } from './route.ts'
import { identifier } from './schemas.ts'

const tags = ['Console']

const keySchema = z
  .object({
    id: identifier,
    user: z.string(),
    name: z.string(),
    prefix: z.string(),
    admin: z.boolean(),
    requestsPerMinute: z.int().nullable(),
    tokensPerMinute: z.int().nullable(),
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().nullable(),
  })
  .openapi('Key')

const newKeySchema = z.object({
  name: z.string().max(200).optional(),
  /** Whose conversations the key opens; the one who makes it without it. */
  user: z.string().min(1).max(200).optional(),
  admin: z.boolean().optional(),
  requestsPerMinute: whole(1, 1e9).nullish(),
  tokensPerMinute: whole(1, 1e12).nullish(),
})

const list = createRoute({
  method: 'get',
  path: '/api/keys',
  summary: 'All keys, without their secrets',
  tags,
  responses: json(z.object({ items: z.array(keySchema) }), 'The keys.'),
})

const create = createRoute({
  method: 'post',
  path: '/api/keys',
  summary: 'Make a key; its secret is shown this once',
  tags,
  request: { body: body(newKeySchema) },
  responses: json(keySchema.extend({ key: z.string() }), 'The key.'),
})

const remove = createRoute({
  method: 'delete',
  path: '/api/keys/{id}',
  summary: 'Remove a key: it opens nothing from now on',
  tags,
  request: { params: z.object({ id: identifier }) },
  responses: json(z.object({ removed: z.literal(true) }), 'It is removed.'),
})

function shownKey({ createdAt, lastUsedAt, ...rest }: ApiKey) {
  return {
    ...rest,
    createdAt: new Date(createdAt).toISOString(),
    lastUsedAt: lastUsedAt === null ? null : new Date(lastUsedAt).toISOString(),
  }
}

/** `/api/keys`, for administrators. */
export function keyRoutes(app: ServeApp, { store, auth }: ServeContext): void {
  app.openapi(list, async (c) => {
    requireAdmin(c.var.caller)
    return c.json({ items: (await store.keys.list()).map(shownKey) }, 200)
  })
  app.openapi(create, async (c) => {
    const { caller } = c.var
    requireAdmin(caller)
    const { key, secret } = await store.keys.create({ user: caller.user, ...c.req.valid('json') })
    auth.forget()
    return c.json({ ...shownKey(key), key: secret }, 200)
  })
  app.openapi(remove, async (c) => {
    requireAdmin(c.var.caller)
    const removed = await store.keys.remove(c.req.valid('param').id)
    auth.forget()
    if (!removed) throw new R1Error('not-found', 'There is no such key.', { remedy: 'Look at the list.' })
    return c.json({ removed: true as const }, 200)
  })
}
