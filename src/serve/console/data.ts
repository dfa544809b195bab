import { createRoute, z } from '@hono/zod-openapi'
import type { Store } from '../../store/index.ts'
import type { ServeApp, ServeContext } from '../context.ts'
import { failures } from '../routes/fields.ts'
import { json } from './route.ts'

const tags = ['Console']

const exported = createRoute({
  method: 'get',
  path: '/api/export',
  summary: 'Everything that is stored of the caller, as one JSON file',
  tags,
  responses: {
    200: {
      description: 'The file.',
      content: { 'application/json': { schema: z.unknown() }, 'application/octet-stream': { schema: {} } },
    },
    ...failures,
  },
})

const count = z.int()
const removedSchema = z.object({ conversations: count, messages: count, keys: count, usage: count, runs: count })

const remove = createRoute({
  method: 'delete',
  path: '/api/data',
  summary: 'Remove everything that is stored of the caller',
  description: 'Keys too, so that nothing is left; `keepKeys=true` leaves them.',
  tags,
  request: { query: z.object({ keepKeys: z.enum(['true', 'false']).optional() }) },
  responses: json(z.object({ removed: removedSchema }), 'How much there was.'),
})

/** `/api/export` and `/api/data`. */
export function dataRoutes(app: ServeApp, { store, auth }: ServeContext): void {
  app.openapi(exported, (c) => {
    const source = exportText(store, c.var.caller.user)
    return new Response(streamOf(source), {
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'content-disposition': 'attachment; filename="deepseek-r1-export.json"',
        'cache-control': 'no-store',
      },
    })
  })
  app.openapi(remove, async (c) => {
    const keepKeys = c.req.valid('query').keepKeys === 'true'
    const removed = await store.users.remove(c.var.caller.user, { keepKeys })
    auth.forget()
    return c.json({ removed }, 200)
  })
}

/** The file in pieces, so that a long history is never in memory as a whole. */
async function* exportText(store: Store, user: string): AsyncGenerator<string, void, void> {
  yield `{"user":${JSON.stringify(user)},"exportedAt":"${new Date().toISOString()}","conversations":[`
  let separator = ''
  for await (const conversation of store.users.exportConversations(user)) {
    yield `${separator}${JSON.stringify(conversation)}`
    separator = ','
  }
  const { keys, usage, runs } = await store.users.exportRest(user)
  yield `],"keys":${JSON.stringify(keys)},"usage":${JSON.stringify(usage)},"runs":${JSON.stringify(runs)}}\n`
}

function streamOf(source: AsyncGenerator<string, void, void>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await source.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    async cancel() {
      await source.return()
    },
  })
}
