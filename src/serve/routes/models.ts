import { createRoute, z } from '@hono/zod-openapi'
import { R1Error } from '../../errors.ts'
import type { ServeApp, ServeContext } from '../context.ts'
import type { ModelStatus } from '../models/pool.ts'
import { failures } from './fields.ts'

const modelSchema = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.int(),
    owned_by: z.literal('deepseek-r1'),
    state: z.enum(['unloaded', 'loading', 'ready', 'failed']),
    max_model_len: z.int().nullable(),
    parameters: z.int().nullable(),
  })
  .openapi('Model')

const list = createRoute({
  method: 'get',
  path: '/v1/models',
  summary: 'The models of this server',
  tags: ['Models'],
  responses: {
    200: {
      description: 'The first is the default.',
      content: { 'application/json': { schema: z.object({ object: z.literal('list'), data: z.array(modelSchema) }) } },
    },
    ...failures,
  },
})

// Ids may hold slashes, as those of the hub do.
const id = z.object({ id: z.string().min(1).max(256) })

const one = createRoute({
  method: 'get',
  path: '/v1/models/{id}',
  summary: 'One model',
  tags: ['Models'],
  request: { params: id },
  responses: {
    200: { description: 'The model.', content: { 'application/json': { schema: modelSchema } } },
    ...failures,
  },
})

const reload = createRoute({
  method: 'post',
  path: '/v1/models/{id}/reload',
  summary: 'Load a model anew; requests under way end with the old one',
  tags: ['Models'],
  request: { params: id },
  responses: {
    200: { description: 'It is loaded.', content: { 'application/json': { schema: modelSchema } } },
    ...failures,
  },
})

const unload = createRoute({
  method: 'post',
  path: '/v1/models/{id}/unload',
  summary: 'Free the memory of a model until it is asked for',
  tags: ['Models'],
  request: { params: id },
  responses: {
    200: { description: 'It is unloaded.', content: { 'application/json': { schema: modelSchema } } },
    ...failures,
  },
})

function shown({ id: name, state, created, facts }: ModelStatus) {
  return {
    id: name,
    object: 'model',
    created,
    owned_by: 'deepseek-r1',
    state,
    max_model_len: facts?.context ?? null,
    parameters: facts?.parameters ?? null,
  } as const
}

/** `/v1/models`. */
export function modelRoutes(app: ServeApp, { pool }: ServeContext): void {
  const find = (name: string) => {
    const status = pool.list().find((model) => model.id === name)
    if (!status) throw new R1Error('model-not-found', `There is no model ${JSON.stringify(name)} here.`)
    return shown(status)
  }
  app.openapi(list, (c) => c.json({ object: 'list' as const, data: pool.list().map(shown) }, 200))
  app.openapi(one, (c) => c.json(find(c.req.valid('param').id), 200))
  app.openapi(reload, async (c) => {
    administrator(c.var.caller)
    const { id: name } = c.req.valid('param')
    await pool.reload(name)
    return c.json(find(name), 200)
  })
  app.openapi(unload, (c) => {
    administrator(c.var.caller)
    const { id: name } = c.req.valid('param')
    find(name)
    pool.unload(name)
    return c.json(find(name), 200)
  })
}

/** @throws R1Error `forbidden` */
function administrator({ admin }: { readonly admin: boolean }): void {
  if (!admin) throw new R1Error('forbidden', 'Only an administrator may do this.', { remedy: 'Use the admin key.' })
}
