import type { LanguageModelV4CallOptions, SharedV4Warning } from '@ai-sdk/provider'
import { messagesOf } from './messages.ts'

/** A request as the server takes it, and what of the call it leaves out. */
export interface WireRequest {
  readonly body: Readonly<Record<string, unknown>>
  readonly warnings: SharedV4Warning[]
}

/** A call of the AI SDK as a request. Fields of `providerOptions.deepseekR1` go along as they are. */
export function requestOf(modelId: string, options: LanguageModelV4CallOptions): WireRequest {
  const { tools = [], toolChoice, responseFormat, reasoning, providerOptions } = options
  const functions = tools.flatMap((tool) =>
    tool.type === 'function'
      ? [
          {
            type: 'function',
            function: { name: tool.name, description: tool.description, parameters: tool.inputSchema },
          },
        ]
      : [],
  )
  const warnings = tools.flatMap((tool): SharedV4Warning[] =>
    tool.type === 'provider' ? [{ type: 'unsupported', feature: `tool ${tool.id}` }] : [],
  )
  const body = {
    model: modelId === '' ? undefined : modelId,
    messages: messagesOf(options.prompt),
    max_completion_tokens: options.maxOutputTokens,
    temperature: options.temperature,
    top_p: options.topP,
    top_k: options.topK,
    presence_penalty: options.presencePenalty,
    frequency_penalty: options.frequencyPenalty,
    stop: options.stopSequences,
    seed: options.seed,
    response_format: formatOf(responseFormat),
    reasoning_effort: reasoning === 'provider-default' ? undefined : reasoning === 'max' ? 'xhigh' : reasoning,
    ...(functions.length > 0 && { tools: functions, tool_choice: choiceOf(toolChoice) }),
    ...providerOptions?.deepseekR1,
  }
  return { body, warnings }
}

function formatOf(format: LanguageModelV4CallOptions['responseFormat']) {
  if (format?.type !== 'json') return undefined
  if (!format.schema) return { type: 'json_object' }
  return { type: 'json_schema', json_schema: { name: format.name ?? 'answer', schema: format.schema, strict: true } }
}

function choiceOf(choice: LanguageModelV4CallOptions['toolChoice']) {
  return choice?.type === 'tool' ? { type: 'function', function: { name: choice.toolName } } : choice?.type
}
