import { R1Error } from '../../errors.ts'
import type { ToolFormat } from '../tools/formats.ts'
import type { ChatRequest, ChatTool } from './events.ts'

/** What a text has to be so that a tool is called for certain. */
export interface ForcedCall {
  readonly schema: Readonly<Record<string, unknown>>
  /** The tool, where only one may be called: the text is its arguments. Otherwise the text names it. */
  readonly name: string | undefined
}

/** Reads the text of a forced call of one of several tools. */
export const namedCall: ToolFormat['read'] = (body) => {
  try {
    const { name, arguments: given } = JSON.parse(body) as { name: string; arguments: Record<string, unknown> }
    return [{ name, arguments: given }]
  } catch {
    return undefined
  }
}

const parametersOf = ({ parameters }: ChatTool) => parameters ?? { type: 'object', properties: {} }

/**
 * The call that a request asks for by its tool choice, if it does: the answer is then held to a schema, so every model calls
 * it, trained for tools or not.
 *
 * @throws R1Error `bad-option` for a tool that there is not
 */
export function forcedCallOf({ tools = [], toolChoice = 'auto' }: ChatRequest): ForcedCall | undefined {
  if (toolChoice === 'auto' || toolChoice === 'none') return undefined
  const wanted = toolChoice === 'required' ? tools : tools.filter(({ name }) => name === toolChoice.name)
  const [first, second] = wanted
  if (!first) {
    throw new R1Error('bad-option', 'The tool choice names a tool that is not among the tools.', {
      remedy: 'Give the tool, or choose another one.',
    })
  }
  if (!second) return { schema: parametersOf(first), name: first.name }
  const anyOf = wanted.map((tool) => ({
    type: 'object',
    properties: { name: { const: tool.name }, arguments: parametersOf(tool) },
    required: ['name', 'arguments'],
    additionalProperties: false,
  }))
  return { schema: { anyOf }, name: undefined }
}
