import { z } from '@hono/zod-openapi'
import { R1Error } from '../../errors.ts'
import type { ChatTemplateMessage } from '../../text/index.ts'
import type { ChatRequest } from '../chat/events.ts'
import type { ServeConfig } from '../config/schema.ts'
import { BadRequest } from '../http/failure.ts'
import { chatRequestOf } from './chat-request.ts'
import { chatBody } from './chat-schema.ts'
import { number, optional, whole } from './fields.ts'

const part = z.looseObject({ type: z.string().max(64), text: optional(z.string()) })

const message = z.object({
  type: optional(z.literal('message')),
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.union([z.string(), z.array(part).max(256)]),
})
const call = z.object({
  type: z.literal('function_call'),
  call_id: z.string().max(256),
  name: z.string().min(1).max(256),
  arguments: z.string(),
})
const callOutput = z.object({
  type: z.literal('function_call_output'),
  call_id: z.string().max(256),
  output: z.union([z.string(), z.array(part).max(256)]),
})
const thought = z.object({
  type: z.literal('reasoning'),
  content: optional(z.array(part).max(256)),
  summary: optional(z.array(part).max(256)),
})
const item = z.union([call, callOutput, thought, message])

/** The body of `/v1/responses`. */
export const responsesBody = z
  .object({
    model: optional(z.string().max(256)),
    input: z.union([z.string().min(1), z.array(item).min(1).max(4096)]),
    instructions: optional(z.string()),
    stream: optional(z.boolean()),
    temperature: optional(number(0, 100)),
    top_p: optional(z.number().gt(0).max(1)),
    max_output_tokens: optional(whole(1, 2 ** 31)),
    top_logprobs: optional(whole(0, 20)),
    reasoning: optional(
      z.object({
        effort: optional(z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh'])),
        summary: z.unknown(),
      }),
    ),
    text: optional(
      z.object({
        format: optional(
          z.discriminatedUnion('type', [
            z.object({ type: z.literal('text') }),
            z.object({ type: z.literal('json_object') }),
            z.object({
              type: z.literal('json_schema'),
              name: optional(z.string().max(256)),
              schema: z.record(z.string(), z.unknown()),
              strict: optional(z.boolean()),
            }),
          ]),
        ),
      }),
    ),
    tools: optional(
      z
        .array(
          z.looseObject({
            type: z.string().max(64),
            name: optional(z.string().regex(/^[A-Za-z0-9_.-]{1,128}$/)),
            description: optional(z.string().max(20_000)),
            parameters: optional(z.record(z.string(), z.unknown())),
          }),
        )
        .max(128),
    ),
    tool_choice: optional(
      z.union([
        z.enum(['none', 'auto', 'required']),
        z.object({ type: z.literal('function'), name: z.string().max(256) }),
      ]),
    ),
    parallel_tool_calls: optional(z.boolean()),
    previous_response_id: optional(z.string().max(256)),
    background: optional(z.boolean()),
    store: optional(z.boolean()),
    metadata: optional(z.record(z.string().max(64), z.string().max(512))),
    user: optional(z.string().max(1024)),
  })
  .openapi('ResponseRequest')

export type ResponsesBody = z.output<typeof responsesBody>

type Item = z.output<typeof item>

/** Text of a content in parts. */
function textOf(content: string | readonly z.output<typeof part>[]): string {
  if (typeof content === 'string') return content
  return content
    .map((one) => {
      if (/^(input_|output_|reasoning_|summary_)?text$/.test(one.type) && one.text !== undefined) return one.text
      throw new R1Error('unsupported-content', `A part of the type ${JSON.stringify(one.type)} cannot be read.`, {
        remedy: 'Send text only.',
      })
    })
    .join('')
}

/** Items as messages of a chat: thoughts and calls belong to the assistant's message that they stand before. */
function messagesOf(items: readonly Item[]): ChatTemplateMessage[] {
  const messages: Record<string, unknown>[] = []
  let reasoning: string | undefined
  for (const one of items) {
    if (one.type === 'reasoning') reasoning = textOf(one.content ?? one.summary ?? [])
    else if (one.type === 'function_call') {
      const made = { id: one.call_id, type: 'function', function: { name: one.name, arguments: one.arguments } }
      const last = messages.at(-1)
      if (last?.role === 'assistant' && Array.isArray(last.tool_calls)) last.tool_calls.push(made)
      else messages.push({ role: 'assistant', content: '', reasoning_content: reasoning, tool_calls: [made] })
      reasoning = undefined
    } else if (one.type === 'function_call_output') {
      messages.push({ role: 'tool', tool_call_id: one.call_id, content: textOf(one.output) })
    } else {
      const own = one.role === 'assistant' ? { reasoning_content: reasoning } : {}
      messages.push({ role: one.role, content: textOf(one.content), ...own })
      reasoning = undefined
    }
  }
  return messages as unknown as ChatTemplateMessage[]
}

/** @throws BadRequest, R1Error `not-supported` for what would need answers to be kept */
export function requestOfResponse(body: ResponsesBody, config: ServeConfig): ChatRequest {
  if (body.previous_response_id !== undefined || body.background === true) {
    throw new BadRequest(
      'Responses are not kept here.',
      'previous_response_id',
      'Send the whole conversation as input.',
    )
  }
  const tools = body.tools?.map(({ type, name, description, parameters }) => {
    if (type === 'function' && name !== undefined) return { type, function: { name, description, parameters } }
    throw new BadRequest('Only tools of the type function, with a name, can be used.', 'tools')
  })
  const format = body.text?.format
  const messages = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : messagesOf(body.input)
  const parsed = chatBody.safeParse({
    model: body.model,
    messages: [
      ...(body.instructions === undefined ? [] : [{ role: 'system', content: body.instructions }]),
      ...messages,
    ],
    tools,
    tool_choice:
      typeof body.tool_choice === 'object'
        ? { type: 'function', function: { name: body.tool_choice.name } }
        : body.tool_choice,
    temperature: body.temperature,
    top_p: body.top_p,
    max_completion_tokens: body.max_output_tokens,
    reasoning_effort: body.reasoning?.effort,
    response_format:
      format?.type === 'json_schema'
        ? { type: 'json_schema', json_schema: { name: format.name, schema: format.schema } }
        : format,
    logprobs: body.top_logprobs === undefined ? undefined : true,
    top_logprobs: body.top_logprobs,
  })
  if (!parsed.success) throw new BadRequest(`input: ${parsed.error.issues[0]?.message ?? 'not valid'}.`, 'input')
  return chatRequestOf(parsed.data, config)
}
