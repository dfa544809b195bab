import { z } from '@hono/zod-openapi'

/** Null where nothing is meant, as many clients send it. */
export function optional<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((value) => value ?? undefined)
}

/** A number in a range. */
export const number = (least: number, most: number) => z.number().min(least).max(most)

/** A whole number in a range. */
export const whole = (least: number, most: number) => z.int().min(least).max(most)

const name = z.string().max(256)

/** What chat and completions share: how tokens are chosen, and what a text has to follow. */
export const samplingFields = {
  model: optional(name).openapi({ example: 'r1-nano' }),
  temperature: optional(number(0, 100)),
  top_p: optional(z.number().gt(0).max(1)),
  top_k: optional(whole(-1, 2 ** 20)),
  min_p: optional(number(0, 1)),
  frequency_penalty: optional(number(-2, 2)),
  presence_penalty: optional(number(-2, 2)),
  // Smaller ones make numbers of logits that no number holds.
  repetition_penalty: optional(number(0.01, 100)),
  logit_bias: optional(z.record(z.string().regex(/^\d{1,9}$/), number(-100, 100))),
  seed: optional(whole(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)),
  stop: optional(z.union([z.string().min(1).max(1000), z.array(z.string().min(1).max(1000)).max(16)])),
  n: optional(whole(1, 8)),
  /** Goes on to the limit of tokens, whatever the model thinks of it: for measurements. */
  ignore_eos: optional(z.boolean()),
  stream: optional(z.boolean()),
  stream_options: optional(z.object({ include_usage: optional(z.boolean()) })),
  user: optional(z.string().max(1024)),
  priority: optional(whole(-1000, 1000)),
  cache_salt: optional(z.string().max(256)),
  guided_json: optional(z.record(z.string(), z.unknown())),
  guided_regex: optional(z.string().max(2 ** 16)),
  guided_grammar: optional(z.string().max(2 ** 16)),
} as const

/** JSON mode, or a schema that the text follows. */
export const responseFormat = optional(
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('text') }),
    z.object({ type: z.literal('json_object'), schema: optional(z.record(z.string(), z.unknown())) }),
    z.object({
      type: z.literal('json_schema'),
      json_schema: z.object({
        name: optional(z.string().max(256)),
        description: optional(z.string().max(10_000)),
        schema: optional(z.record(z.string(), z.unknown())),
        strict: optional(z.boolean()),
      }),
    }),
  ]),
)

/** A failure, as every route answers it. */
export const errorSchema = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      code: z.string(),
      param: z.string().nullable(),
    }),
  })
  .openapi('Error')

const failed = (description: string) => ({ description, content: { 'application/json': { schema: errorSchema } } })

/** Failures that any route may answer. */
export const failures = {
  400: failed('Something about the request is wrong.'),
  401: failed('A key is needed.'),
  403: failed('Not allowed.'),
  404: failed('There is no such thing.'),
  413: failed('The body is too large.'),
  429: failed('Too much for now; Retry-After says when to come again.'),
  503: failed('The server is full or shutting down; Retry-After says when to come again.'),
} as const
