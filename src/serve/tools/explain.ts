import type { ChatTemplateMessage } from '../../text/index.ts'
import type { ChatTool } from '../chat/events.ts'
import type { ToolFormat } from './formats.ts'

/**
 * Tells a model of tools in words, where its chat template has no place for them.
 *
 * @returns the messages with what there is to know in the system message
 */
export function explainTools(
  messages: readonly ChatTemplateMessage[],
  tools: readonly ChatTool[],
  { opens, close }: ToolFormat,
): ChatTemplateMessage[] {
  const list = tools.map((tool) => JSON.stringify(tool)).join('\n')
  const call = `${opens[0]}{"name": "the tool", "arguments": {}}${close ?? ''}`
  const text = `You can call these tools:\n${list}\nTo call one, answer with ${call} and nothing else.`
  const [first, ...rest] = messages
  if (first?.role !== 'system') return [{ role: 'system', content: text }, ...messages]
  return [{ ...first, content: `${String(first.content)}\n\n${text}` }, ...rest]
}
