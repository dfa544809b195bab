import { R1Error } from '../../errors.ts'
import type { TextFormat } from '../../generate/index.ts'
import type { ChatTemplateMessage, RenderedPrompt } from '../../text/index.ts'
import type { ServedModel } from '../models/served-model.ts'
import { withTextArguments } from '../tools/arguments.ts'
import { explainTools } from '../tools/explain.ts'
import type { ChatRequest } from './events.ts'

/** A prompt as tokens. */
export interface ChatPrompt {
  readonly ids: Int32Array
  /** The text goes on inside a thought. */
  readonly inside: boolean
}

/**
 * Writes a conversation as the model expects it: its chat template with tools, variables of thinking, and the beginning of
 * an answer that is to be gone on with.
 *
 * @throws R1Error `no-template`, and what templates throw
 */
export async function chatPrompt(
  { text: model, toolFormat }: ServedModel,
  request: ChatRequest,
  signal: AbortSignal | undefined,
): Promise<ChatPrompt> {
  const { template } = model
  if (!template) {
    throw new R1Error('no-template', 'This model was not made for conversations.', {
      remedy: 'Use /v1/completions, or a model with a chat template.',
    })
  }
  const begun = request.prefix ? request.messages.at(-1) : undefined
  const messages = begun ? request.messages.slice(0, -1) : request.messages
  const tools = request.toolChoice === 'none' ? [] : (request.tools ?? [])
  const knowsTools = template.source.includes('tools')
  const rendered = await template.renderToTokens(model.tokenizer, {
    messages: withTextArguments(
      knowsTools || tools.length === 0 ? messages : explainTools(messages, tools, toolFormat),
      toolFormat,
    ),
    ...(knowsTools && tools.length > 0 && { tools: tools.map(asFunction) }),
    variables: variablesOf(request),
    ...(signal && { signal }),
  })
  return begun ? goOn(model, rendered, begun) : closeThought(model, rendered, request)
}

const asFunction = ({ name, description, parameters }: NonNullable<ChatRequest['tools']>[number]) => ({
  type: 'function',
  function: {
    name,
    description: description ?? '',
    // Plain data from JSON, whatever its type says.
    parameters: JSON.parse(JSON.stringify(parameters ?? { type: 'object', properties: {} })),
  },
})

/** The names by which templates of the families ask whether to think. */
function variablesOf({ thinking, reasoningEffort, templateVariables }: ChatRequest) {
  return {
    ...(thinking !== undefined && { enable_thinking: thinking, thinking }),
    ...(reasoningEffort !== undefined && { reasoning_effort: reasoningEffort }),
    ...templateVariables,
  }
}

/** Where no thought is wanted and the template opens one whatever it is told, it is closed at once. */
function closeThought(
  { tokenizer }: TextFormat,
  { ids, opensReasoning: inside }: RenderedPrompt,
  { thinking }: ChatRequest,
): ChatPrompt {
  if (!inside || thinking !== false) return { ids, inside }
  return { ids: joined(ids, tokenizer.encode('\n</think>\n\n', { specialTokens: 'allow' })), inside: false }
}

/** Adds the beginning of the answer behind the prompt; text of a user never becomes a special token. */
function goOn(
  { tokenizer }: TextFormat,
  { ids, opensReasoning }: RenderedPrompt,
  { content, reasoning_content, reasoning }: ChatTemplateMessage,
): ChatPrompt {
  const thought = [reasoning_content, reasoning].find((given) => typeof given === 'string') ?? ''
  const answer = typeof content === 'string' ? content : ''
  const control = (text: string) => tokenizer.encode(text, { specialTokens: 'allow' })
  const plain = (text: string) => tokenizer.encode(text)
  if (!opensReasoning && thought === '') return { ids: joined(ids, plain(answer)), inside: false }
  const opened = joined(ids, ...(opensReasoning ? [] : [control('<think>\n')]), plain(thought))
  if (answer === '') return { ids: opened, inside: true }
  return { ids: joined(opened, control('\n</think>\n\n'), plain(answer)), inside: false }
}

function joined(...parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
