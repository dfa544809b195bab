import { createRoute, z } from '@hono/zod-openapi'
import { chatPrompt } from '../chat/prompt.ts'
import type { ServeApp, ServeContext } from '../context.ts'
import { BadRequest } from '../http/failure.ts'
import { chatRequestOf } from './chat-request.ts'
import { chatBody, messageSchema, toolSchema } from './chat-schema.ts'
import { failures, optional, whole } from './fields.ts'

const body = z
  .object({
    model: optional(z.string().max(256)),
    prompt: optional(z.string()),
    messages: optional(z.array(messageSchema).min(1).max(4096)),
    tools: optional(z.array(toolSchema).max(128)),
    add_special_tokens: optional(z.boolean()),
    return_token_strs: optional(z.boolean()),
  })
  .openapi('TokenizeRequest')

const tokenized = z
  .object({
    tokens: z.array(z.int()),
    count: z.int(),
    max_model_len: z.int(),
    token_strs: z.array(z.string()).nullable(),
  })
  .openapi('Tokens')

const tokenize = createRoute({
  method: 'post',
  path: '/tokenize',
  summary: 'The tokens of a text or a conversation',
  tags: ['Tokens'],
  request: { body: { required: true, content: { 'application/json': { schema: body } } } },
  responses: {
    200: { description: 'The tokens.', content: { 'application/json': { schema: tokenized } } },
    ...failures,
  },
})

const detokenize = createRoute({
  method: 'post',
  path: '/detokenize',
  summary: 'The text of tokens',
  tags: ['Tokens'],
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z
            .object({ model: optional(z.string().max(256)), tokens: z.array(whole(0, 2 ** 31)).max(2 ** 20) })
            .openapi('DetokenizeRequest'),
        },
      },
    },
  },
  responses: {
    200: { description: 'The text.', content: { 'application/json': { schema: z.object({ prompt: z.string() }) } } },
    ...failures,
  },
})

/** `/tokenize` and `/detokenize`, as vLLM has them. */
export function tokenRoutes(app: ServeApp, { pool, admission, config }: ServeContext): void {
  app.openapi(tokenize, async (c) => {
    const { model, prompt, messages, tools, add_special_tokens: addSpecial = true, ...rest } = c.req.valid('json')
    if ((prompt === undefined) === (messages === undefined)) {
      throw new BadRequest('Give either a prompt or messages.', 'prompt')
    }
    using _ = admission.enter(Math.ceil(JSON.stringify(prompt ?? messages).length / 4))
    using lease = await pool.acquire(model, c.req.raw.signal)
    const { served } = lease
    const { tokenizer } = served.text
    const ids = messages
      ? (await chatPrompt(served, chatRequestOf(chatBody.parse({ messages, tools }), config), c.req.raw.signal)).ids
      : tokenizer.encode(prompt as string, { addSpecial })
    return c.json(
      {
        tokens: [...ids],
        count: ids.length,
        max_model_len: served.facts.context,
        token_strs: rest.return_token_strs ? [...ids].map((id) => tokenizer.idToToken(id) ?? '') : null,
      },
      200,
    )
  })
  app.openapi(detokenize, async (c) => {
    const { model, tokens } = c.req.valid('json')
    using _ = admission.enter(tokens.length)
    using lease = await pool.acquire(model, c.req.raw.signal)
    return c.json({ prompt: lease.served.text.tokenizer.decode(tokens) }, 200)
  })
}
