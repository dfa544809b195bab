import { createRoute, z } from '@hono/zod-openapi'
import { R1Error } from '../../errors.ts'
import type { ServeApp, ServeContext } from '../context.ts'
import { BadRequest } from '../http/failure.ts'
import { promptSchema, promptsOf } from './completions.ts'
import { failures, optional, whole } from './fields.ts'

/** Texts that are computed side by side. */
const together = 8

const body = z
  .object({
    input: promptSchema,
    model: optional(z.string().max(256)),
    encoding_format: optional(z.enum(['float', 'base64'])),
    dimensions: optional(whole(1, 2 ** 20)),
    user: optional(z.string().max(1024)),
  })
  .openapi('EmbeddingRequest')

const answer = z
  .object({
    object: z.literal('list'),
    model: z.string(),
    data: z.array(
      z.object({
        object: z.literal('embedding'),
        index: z.int(),
        embedding: z.union([z.array(z.number()), z.string()]),
      }),
    ),
    usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
  })
  .openapi('Embeddings')

const route = createRoute({
  method: 'post',
  path: '/v1/embeddings',
  summary: 'Vectors of texts',
  tags: ['Vectors'],
  request: { body: { required: true, content: { 'application/json': { schema: body } } } },
  responses: {
    200: { description: 'Vectors of length 1.', content: { 'application/json': { schema: answer } } },
    ...failures,
  },
})

/** `/v1/embeddings`. */
export function embeddingRoutes(app: ServeApp, context: ServeContext): void {
  app.openapi(route, async (c) => {
    const { input, model, encoding_format: format = 'float', dimensions } = c.req.valid('json')
    const { caller } = c.var
    const prompts = promptsOf(input)
    const characters = prompts.reduce((sum, { length }) => sum + length, 0)
    const { signal } = c.req.raw
    using ticket = context.admission.enter(Math.ceil(characters / 4))
    using lease = await context.pool.acquire(model, signal)
    const { served } = lease
    const { tokenizer } = served.text
    const texts = prompts.map((prompt) =>
      typeof prompt === 'string' ? tokenizer.encode(prompt, { addSpecial: true }) : checked(prompt, served.vocabulary),
    )
    const count = texts.reduce((sum, { length }) => sum + length, 0)
    ticket.resize(count)
    const vectors: Float32Array[] = []
    for (let at = 0; at < texts.length; at += together) {
      if (signal.aborted) throw new R1Error('aborted', 'The client has gone.')
      vectors.push(...(await served.embed(texts.slice(at, at + together), signal)))
      const { length } = vectors[0] as Float32Array
      if (dimensions !== undefined && dimensions !== length) {
        throw new BadRequest(`This model's vectors have ${length} dimensions.`, 'dimensions', 'Leave it out.')
      }
    }
    const usage = { user: caller.user, key: caller.key, model: served.id, promptTokens: count, completionTokens: 0 }
    context.usage.add(usage)
    if (caller.key !== undefined) context.limits.charge(caller.key, count)
    return c.json(
      {
        object: 'list' as const,
        model: served.id,
        data: vectors.map((vector, index) => ({
          object: 'embedding' as const,
          index,
          embedding: format === 'base64' ? base64(vector) : [...vector],
        })),
        usage: { prompt_tokens: count, total_tokens: count },
      },
      200,
    )
  })
}

/** @throws R1Error `bad-token` */
function checked(ids: readonly number[], vocabulary: number): readonly number[] {
  const wrong = ids.find((id) => id >= vocabulary)
  if (wrong === undefined) return ids
  throw new R1Error('bad-token', `${wrong} is no token of the model.`, {
    remedy: `Tokens are whole numbers from 0 to ${vocabulary - 1}.`,
  })
}

const base64 = ({ buffer, byteOffset, byteLength }: Float32Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64')
