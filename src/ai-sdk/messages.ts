import {
  type LanguageModelV4Message,
  type LanguageModelV4Prompt,
  type LanguageModelV4ToolResultOutput,
  UnsupportedFunctionalityError,
} from '@ai-sdk/provider'

/** A message as the server takes it. */
export type WireMessage = Readonly<Record<string, unknown>>

/**
 * A prompt of the AI SDK as messages of the server.
 *
 * @throws UnsupportedFunctionalityError for files: the server reads text only
 */
export function messagesOf(prompt: LanguageModelV4Prompt): WireMessage[] {
  return prompt.flatMap(fromMessage)
}

function fromMessage(message: LanguageModelV4Message): WireMessage[] {
  switch (message.role) {
    case 'system':
      return [{ role: 'system', content: message.content }]
    case 'user':
      return [{ role: 'user', content: message.content.map(textOf).join('') }]
    case 'assistant':
      return [assistant(message.content)]
    case 'tool':
      return message.content.flatMap((part) =>
        part.type === 'tool-result'
          ? [{ role: 'tool', tool_call_id: part.toolCallId, name: part.toolName, content: resultOf(part.output) }]
          : [],
      )
  }
}

function textOf(part: { readonly type: string; readonly text?: string }): string {
  if (part.type === 'text' && part.text !== undefined) return part.text
  throw new UnsupportedFunctionalityError({ functionality: `parts of the type ${part.type} in a message` })
}

type AssistantParts = Extract<LanguageModelV4Message, { role: 'assistant' }>['content']

function assistant(parts: AssistantParts): WireMessage {
  const joined = (type: 'text' | 'reasoning') =>
    parts.flatMap((part) => (part.type === type && 'text' in part ? [part.text] : [])).join('')
  const calls = parts.flatMap((part) =>
    part.type === 'tool-call'
      ? [
          {
            id: part.toolCallId,
            type: 'function',
            function: { name: part.toolName, arguments: JSON.stringify(part.input ?? {}) },
          },
        ]
      : [],
  )
  const reasoning = joined('reasoning')
  return {
    role: 'assistant',
    content: joined('text'),
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
  }
}

function resultOf(output: LanguageModelV4ToolResultOutput): string {
  switch (output.type) {
    case 'text':
    case 'error-text':
      return output.value
    case 'json':
    case 'error-json':
      return JSON.stringify(output.value)
    case 'execution-denied':
      return output.reason ?? 'The tool was not allowed to run.'
    case 'content':
      return output.value.map(textOf).join('')
  }
}
