import { createRoute } from '@hono/zod-openapi'
import { streamChat } from '../chat/stream-chat.ts'
import type { ServeApp, ServeContext } from '../context.ts'
import { answerTexts } from './answer-texts.ts'
import { chatChunks, wholeChat } from './chat-answer.ts'
import { chatRequestOf } from './chat-request.ts'
import { chatAnswer, chatBody } from './chat-schema.ts'
import { failures } from './fields.ts'

const route = createRoute({
  method: 'post',
  path: '/v1/chat/completions',
  summary: 'Answer a conversation',
  tags: ['Text'],
  request: { body: { required: true, content: { 'application/json': { schema: chatBody } } } },
  responses: {
    200: {
      description: 'The answer; with `stream: true` as server-sent events.',
      content: { 'application/json': { schema: chatAnswer }, 'text/event-stream': { schema: {} } },
    },
    ...failures,
  },
})

/** `/v1/chat/completions`. */
export function chatRoutes(app: ServeApp, context: ServeContext): void {
  app.openapi(route, async (c) => {
    const body = c.req.valid('json')
    const request = chatRequestOf(body, context.config)
    const start = (index: number, signal: AbortSignal) =>
      streamChat(context, { ...request, index }, { signal, caller: c.var.caller, arrivedAt: c.var.arrivedAt })
    return answerTexts(c, context, {
      count: body.n ?? 1,
      stream: body.stream ?? false,
      start,
      chunks: (texts) => chatChunks(texts, context.config, body),
      whole: (texts) => wholeChat(texts, context.config, body),
    })
  })
}
