import { createRoute, z } from '@hono/zod-openapi'
import type { ServeApp, ServeContext } from '../context.ts'
import { body, json } from './route.ts'
import {
  conversationChangeSchema,
  conversationSchema,
  identifier,
  messageSchema,
  newConversationSchema,
  newMessageSchema,
  shownConversation,
  shownMessage,
  shownSummary,
  summarySchema,
  wholeConversationSchema,
} from './schemas.ts'

const tags = ['Console']
const params = z.object({ id: identifier })

const list = createRoute({
  method: 'get',
  path: '/api/conversations',
  summary: 'Conversations, the latest first; with `query` those that hold a text',
  tags,
  request: {
    query: z.object({
      query: z.string().max(1000).optional(),
      cursor: z.string().max(200).optional(),
      limit: z.coerce.number().int().min(1).max(200).optional(),
    }),
  },
  responses: json(z.object({ items: z.array(summarySchema), next: z.string().nullable() }), 'A page.'),
})

const create = createRoute({
  method: 'post',
  path: '/api/conversations',
  summary: 'Begin a conversation',
  description: 'The same id a second time gives the conversation that is there.',
  tags,
  request: { body: body(newConversationSchema) },
  responses: json(conversationSchema, 'The conversation.'),
})

const read = createRoute({
  method: 'get',
  path: '/api/conversations/{id}',
  summary: 'A conversation with all of its branches',
  tags,
  request: { params },
  responses: json(wholeConversationSchema, 'The conversation.'),
})

const change = createRoute({
  method: 'patch',
  path: '/api/conversations/{id}',
  summary: 'Change title, system prompt, model, sampling or the branch that is shown',
  tags,
  request: { params, body: body(conversationChangeSchema) },
  responses: json(conversationSchema, 'The conversation.'),
})

const remove = createRoute({
  method: 'delete',
  path: '/api/conversations/{id}',
  summary: 'Remove a conversation',
  tags,
  request: { params },
  responses: json(z.object({ removed: z.boolean() }), 'Whether there was one.'),
})

const add = createRoute({
  method: 'post',
  path: '/api/conversations/{id}/messages',
  summary: 'Store a message of the user',
  description: 'The answer comes once the message is durable. The same id a second time stores nothing anew.',
  tags,
  request: { params, body: body(newMessageSchema) },
  responses: json(messageSchema, 'The message.'),
})

/** `/api/conversations` and what is written in them. */
export function conversationRoutes(app: ServeApp, { store }: ServeContext): void {
  const { conversations, messages } = store
  app.openapi(list, async (c) => {
    const { items, next } = await conversations.list(c.var.caller.user, c.req.valid('query'))
    return c.json({ items: items.map(shownSummary), next }, 200)
  })
  app.openapi(create, async (c) => {
    return c.json(shownConversation(await conversations.create(c.var.caller.user, c.req.valid('json'))), 200)
  })
  app.openapi(read, async (c) => {
    const { user } = c.var.caller
    const conversation = await conversations.get(user, c.req.valid('param').id)
    const all = await messages.list(user, conversation.id)
    return c.json({ ...shownConversation(conversation), messages: all.map(shownMessage) }, 200)
  })
  app.openapi(change, async (c) => {
    const changed = await conversations.change(c.var.caller.user, c.req.valid('param').id, c.req.valid('json'))
    return c.json(shownConversation(changed), 200)
  })
  app.openapi(remove, async (c) => {
    return c.json({ removed: await conversations.remove(c.var.caller.user, c.req.valid('param').id) }, 200)
  })
  app.openapi(add, async (c) => {
    const message = { ...c.req.valid('json'), role: 'user' } as const
    return c.json(shownMessage(await messages.add(c.var.caller.user, c.req.valid('param').id, message)), 200)
  })
}
