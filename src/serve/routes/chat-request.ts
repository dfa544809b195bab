import type { z } from 'zod'
import { R1Error } from '../../errors.ts'
import type { ChatTemplateMessage } from '../../text/index.ts'
import type { ChatRequest } from '../chat/events.ts'
import type { ServeConfig } from '../config/schema.ts'
import { BadRequest } from '../http/failure.ts'
import type { ChatBody, MessageBody } from './chat-schema.ts'
import type { samplingFields } from './fields.ts'

type Output<Fields> = { [Key in keyof Fields]: Fields[Key] extends z.ZodType ? z.output<Fields[Key]> : never }
type SamplingBody = Output<typeof samplingFields>

/** Tokens that may be thought, where only the effort is named. */
const budgets: Readonly<Record<string, number>> = { minimal: 128, low: 512, medium: 2048 }

/** What is asked for, in the library's names, without what tells it from other texts of the same request. */
export function samplingOf(
  body: SamplingBody,
): Pick<ChatRequest, 'model' | 'sampling' | 'stop' | 'ignoreEnd' | 'priority'> {
  return {
    model: body.model,
    priority: body.priority,
    ignoreEnd: body.ignore_eos,
    stop: body.stop === undefined ? undefined : [body.stop].flat(),
    sampling: {
      temperature: body.temperature,
      topP: body.top_p,
      // 0 and −1 are other servers' ways to say "all".
      topK: body.top_k !== undefined && body.top_k > 0 ? body.top_k : undefined,
      minP: body.min_p,
      frequencyPenalty: body.frequency_penalty,
      presencePenalty: body.presence_penalty,
      repetitionPenalty: body.repetition_penalty,
      logitBias: body.logit_bias,
      // The engine's seeds have 32 bits.
      seed: body.seed === undefined ? undefined : Number(BigInt.asUintN(32, BigInt(body.seed))),
    },
  }
}

/**
 * What the text has to follow.
 *
 * @throws BadRequest for several at once
 */
export function constraintOf(
  body: Pick<SamplingBody, 'guided_json' | 'guided_regex' | 'guided_grammar'> & Pick<ChatBody, 'response_format'>,
): Pick<ChatRequest, 'schema' | 'regex' | 'grammar'> {
  const format = body.response_format
  const schemas: (Readonly<Record<string, unknown>> | true)[] = [
    body.guided_json,
    format?.type === 'json_schema' ? (format.json_schema.schema ?? (true as const)) : undefined,
    format?.type === 'json_object' ? (format.schema ?? (true as const)) : undefined,
  ].flatMap((schema): (Readonly<Record<string, unknown>> | true)[] => (schema === undefined ? [] : [schema]))
  const given = [...schemas, body.guided_regex, body.guided_grammar].filter((one) => one !== undefined)
  if (given.length > 1) throw new BadRequest('A text can follow one format only.', 'response_format', 'Give one.')
  return { schema: schemas[0], regex: body.guided_regex, grammar: body.guided_grammar }
}

/** @throws BadRequest for what cannot be, R1Error `unsupported-content` for images and the like */
export function chatRequestOf(
  body: ChatBody,
  { templateVariables }: Pick<ServeConfig, 'templateVariables'>,
): ChatRequest {
  if (!templateVariables && body.chat_template_kwargs) {
    throw new BadRequest('This server sets the variables of templates itself.', 'chat_template_kwargs', 'Leave it out.')
  }
  const last = body.messages.at(-1)
  const prefix = last?.prefix === true || body.continue_final_message === true
  if (prefix && last?.role !== 'assistant') {
    throw new BadRequest('Only a last message of the assistant can be gone on with.', 'messages')
  }
  if (body.logprobs !== true && (body.top_logprobs ?? 0) > 0) {
    throw new BadRequest('top_logprobs needs logprobs: true.', 'top_logprobs')
  }
  const { thinking, reasoning_effort: effort } = body
  const thinks =
    thinking?.type === 'enabled' ? true : thinking?.type === 'disabled' || effort === 'none' ? false : undefined
  return {
    ...samplingOf(body),
    ...constraintOf(body),
    messages: body.messages.map(messageOf),
    prefix,
    maxNewTokens: body.max_completion_tokens ?? body.max_tokens,
    tools: body.tools?.map(({ function: tool }) => ({
      name: tool.name,
      description: tool.description,
      parameters: tool.parameters,
    })),
    toolChoice: typeof body.tool_choice === 'object' ? { name: body.tool_choice.function.name } : body.tool_choice,
    thinking: thinks,
    thinkingBudget: thinking?.budget_tokens ?? body.thinking_budget ?? (effort && budgets[effort]),
    reasoningEffort: effort === 'none' ? undefined : effort,
    templateVariables: body.chat_template_kwargs,
    probabilities: body.logprobs ? (body.top_logprobs ?? 0) : undefined,
    salt: body.cache_salt,
  }
}

/**
 * A message as templates know it.
 *
 * @throws BadRequest, R1Error `unsupported-content`
 */
function messageOf({ role, content, name, tool_calls, tool_call_id, ...message }: MessageBody): ChatTemplateMessage {
  const thought = message.reasoning_content ?? message.reasoning
  return {
    // Newer names of roles that every template knows by another one.
    role: role === 'developer' ? 'system' : role === 'function' ? 'tool' : role,
    content: textOf(content),
    ...(name !== undefined && { name }),
    ...(thought !== undefined && { reasoning_content: thought }),
    ...(tool_call_id !== undefined && { tool_call_id }),
    ...(tool_calls && { tool_calls: tool_calls.map(callOf) }),
  }
}

/** Text of a content in parts. An image or a sound is refused; nothing is fetched. */
function textOf(content: MessageBody['content']): string {
  if (typeof content === 'string') return content
  return (content ?? [])
    .map((part) => {
      if (['text', 'input_text', 'output_text'].includes(part.type) && part.text !== undefined) return part.text
      throw new R1Error('unsupported-content', `A part of the type ${JSON.stringify(part.type)} cannot be read.`, {
        remedy: 'Send text only.',
      })
    })
    .join('')
}

function callOf(call: NonNullable<MessageBody['tool_calls']>[number]) {
  try {
    const given: unknown = JSON.parse(call.function.arguments === '' ? '{}' : call.function.arguments)
    if (typeof given === 'object' && given !== null && !Array.isArray(given)) {
      return {
        id: call.id ?? '',
        type: 'function',
        function: { name: call.function.name, arguments: given as Record<string, never> },
      }
    }
  } catch {
    // Told below.
  }
  throw new BadRequest('The arguments of a call are no JSON object.', 'messages')
}
