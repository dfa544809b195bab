import type { ChatTemplateMessage } from '../../text/index.ts'
import type { ToolFormat } from './formats.ts'

/** Writes the arguments of earlier calls as text, for templates that expect it. */
export function withTextArguments(
  messages: readonly ChatTemplateMessage[],
  { argumentsAsText }: ToolFormat,
): readonly ChatTemplateMessage[] {
  if (!argumentsAsText) return messages
  return messages.map((message) => {
    const { tool_calls: calls } = message
    if (!Array.isArray(calls)) return message
    return { ...message, tool_calls: calls.map(withText) }
  })
}

function withText(call: { readonly function: { readonly arguments: unknown } }) {
  return { ...call, function: { ...call.function, arguments: JSON.stringify(call.function.arguments) } }
}
