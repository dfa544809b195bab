import { createRoute, z } from '@hono/zod-openapi'
import { streamChat } from '../chat/stream-chat.ts'
import type { ServeApp, ServeContext } from '../context.ts'
import { answerTexts } from './answer-texts.ts'
import { failures } from './fields.ts'
import { responseEvents, wholeResponse } from './responses-answer.ts'
import { requestOfResponse, responsesBody } from './responses-schema.ts'

const answer = z
  .looseObject({
    id: z.string(),
    object: z.literal('response'),
    created_at: z.int(),
    status: z.enum(['completed', 'incomplete', 'in_progress', 'failed']),
    model: z.string(),
    output: z.array(z.looseObject({ type: z.enum(['message', 'reasoning', 'function_call']), id: z.string() })),
  })
  .openapi('Response')

const route = createRoute({
  method: 'post',
  path: '/v1/responses',
  summary: "Answer a conversation, as OpenAI's newer API has it; nothing is kept",
  tags: ['Text'],
  request: { body: { required: true, content: { 'application/json': { schema: responsesBody } } } },
  responses: {
    200: {
      description: 'The answer; with `stream: true` as server-sent events.',
      content: { 'application/json': { schema: answer }, 'text/event-stream': { schema: {} } },
    },
    ...failures,
  },
})

/** `/v1/responses`. */
export function responseRoutes(app: ServeApp, context: ServeContext): void {
  app.openapi(route, async (c) => {
    const body = c.req.valid('json')
    const request = requestOfResponse(body, context.config)
    return answerTexts(c, context, {
      count: 1,
      stream: body.stream ?? false,
      start: (_, signal) => streamChat(context, request, { signal, caller: c.var.caller, arrivedAt: c.var.arrivedAt }),
      chunks: (texts) => responseEvents(texts, body),
      whole: (texts) => wholeResponse(texts, body),
    })
  })
}
