import { z } from '@hono/zod-openapi'
import { number, optional, responseFormat, samplingFields, whole } from './fields.ts'

/** A part of a message's content. Parts of other kinds are let through here so that the refusal can name them. */
const part = z.looseObject({ type: z.string().max(64), text: optional(z.string()) })

const content = z.union([z.string(), z.array(part).max(256)]).nullish()

const toolCall = z.object({
  id: optional(z.string().max(256)),
  type: optional(z.literal('function')),
  function: z.object({ name: z.string().min(1).max(256), arguments: z.string() }),
})

export const messageSchema = z
  .object({
    role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
    content,
    name: optional(z.string().max(256)),
    reasoning_content: optional(z.string()),
    reasoning: optional(z.string()),
    tool_calls: optional(z.array(toolCall).max(128)),
    tool_call_id: optional(z.string().max(256)),
    /** On the last message, the assistant's: go on with it. */
    prefix: optional(z.boolean()),
  })
  .openapi('Message')

export const toolSchema = z
  .object({
    type: z.literal('function'),
    function: z.object({
      name: z.string().regex(/^[A-Za-z0-9_.-]{1,128}$/),
      description: optional(z.string().max(20_000)),
      parameters: optional(z.record(z.string(), z.unknown())),
      strict: optional(z.boolean()),
    }),
  })
  .openapi('Tool')

export const toolChoiceSchema = optional(
  z.union([
    z.enum(['none', 'auto', 'required']),
    z.object({ type: z.literal('function'), function: z.object({ name: z.string().max(256) }) }),
  ]),
)

const scalar = z.union([z.string().max(10_000), z.number(), z.boolean(), z.null()])

/** The body of `/v1/chat/completions`. */
export const chatBody = z
  .object({
    ...samplingFields,
    messages: z.array(messageSchema).min(1).max(4096),
    max_tokens: optional(whole(1, 2 ** 31)),
    max_completion_tokens: optional(whole(1, 2 ** 31)),
    logprobs: optional(z.boolean()),
    top_logprobs: optional(whole(0, 20)),
    tools: optional(z.array(toolSchema).max(128)),
    tool_choice: toolChoiceSchema,
    parallel_tool_calls: optional(z.boolean()),
    response_format: responseFormat,
    reasoning_effort: optional(z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh'])),
    thinking: optional(
      z.object({ type: z.enum(['enabled', 'disabled', 'auto']), budget_tokens: optional(whole(0, 2 ** 31)) }),
    ),
    thinking_budget: optional(whole(0, 2 ** 31)),
    chat_template_kwargs: optional(
      z.record(z.string().max(128), scalar).refine((kwargs) => Object.keys(kwargs).length <= 32, 'too many variables'),
    ),
    /** Ollama's and vLLM's way to say that the last message is to be gone on with. */
    continue_final_message: optional(z.boolean()),
    temperature: optional(number(0, 100)),
  })
  .openapi('ChatCompletionRequest')

export type ChatBody = z.output<typeof chatBody>
export type MessageBody = z.output<typeof messageSchema>

const logprob = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.int()).nullable() })
export const logprobsSchema = z
  .object({ content: z.array(logprob.extend({ top_logprobs: z.array(logprob) })) })
  .nullable()

export const usageSchema = z
  .object({
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    total_tokens: z.int(),
    prompt_tokens_details: z.object({ cached_tokens: z.int() }),
    completion_tokens_details: z.object({ reasoning_tokens: z.int() }),
    prompt_cache_hit_tokens: z.int(),
    prompt_cache_miss_tokens: z.int(),
  })
  .openapi('Usage')

/** The answer of `/v1/chat/completions` where it is not streamed. */
export const chatAnswer = z
  .object({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        message: z.object({
          role: z.literal('assistant'),
          content: z.string().nullable(),
          refusal: z.null(),
          reasoning_content: z.string().optional(),
          reasoning: z.string().optional(),
          tool_calls: z
            .array(
              z.object({
                id: z.string(),
                type: z.literal('function'),
                function: z.object({ name: z.string(), arguments: z.string() }),
              }),
            )
            .optional(),
        }),
        logprobs: logprobsSchema,
        finish_reason: z.enum(['stop', 'length', 'tool_calls']),
      }),
    ),
    usage: usageSchema,
    system_fingerprint: z.string(),
  })
  .openapi('ChatCompletion')

export type ChatAnswer = z.output<typeof chatAnswer>
